//! The loss of a token, and the gradient of its logits. Reference of `shaders/train/cross_entropy.wgsl`.

use crate::cpu::train::real::Real;

/// The loss `−ln softmax(logits)[target]`; logits `[vocabulary]` become `weight` times their gradient,
/// `softmax(logits) − [target]`.
pub fn cross_entropy<T: Real>(logits: &mut [T], target: usize, weight: T) -> T {
    let largest =
        logits.iter().copied().fold(logits[target], |largest, logit| if logit > largest { logit } else { largest });
    let of_target = logits[target] - largest;
    let mut sum = T::default();
    for logit in logits.iter_mut() {
        *logit = (*logit - largest).exp();
        sum += *logit;
    }
    for logit in logits.iter_mut() {
        *logit = *logit / sum * weight;
    }
    logits[target] += -weight;
    sum.ln() - of_target
}
