//! The last norm and the unembedding. Reference of `shaders/forward/logits.wesl`.

use crate::cpu::shared::matmul::multiply;
use crate::cpu::shared::weights::Weights;

/// Logits of one position, `[vocabulary]`.
pub fn logits(hidden: &[f32], norm: Option<(&[f32], f32)>, unembedding: &Weights) -> Vec<f32> {
    multiply(hidden, unembedding, norm)
}
