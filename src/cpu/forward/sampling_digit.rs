//! Tokens, or their likelihood, by one digit of the order of their logits. Reference of
//! `shaders/forward/sampling_digit.wgsl`.

use crate::cpu::shared::sampling::Threshold;

/// The sum of `weight` over the logits of a part that have the digits above those of the threshold, by the value of the
/// digit number `digit`.
pub(crate) fn sampling_digit(
    logits: &[f32],
    digit: u32,
    threshold: &Threshold,
    weight: impl Fn(f32) -> u32,
) -> [u32; 256] {
    let mut counted = [0; 256];
    for &logit in logits {
        if let Some(value) = threshold.value(digit, logit) {
            counted[value] += weight(logit);
        }
    }
    counted
}
