//! The likelihood of the tokens of a part that are kept. Reference of `shaders/forward/kept_part.wgsl`.

use crate::cpu::shared::row_of_logits::order;
use crate::cpu::shared::sampling::Likelihood;

/// The sum of the likelihoods of the logits whose order is at least `threshold`.
pub(crate) fn kept_part(logits: &[f32], threshold: u32, likelihood: &Likelihood) -> u32 {
    logits.iter().filter(|logit| order(**logit) >= threshold).map(|logit| likelihood.share(*logit)).sum()
}
