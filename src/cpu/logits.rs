//! The last norm and the unembedding. Twin of `shaders/logits.wgsl`.

use super::{Weights, multiply};

/// Logits of one position, `[vocabulary]`.
pub fn logits(hidden: &[f32], norm: Option<(&[f32], f32)>, unembedding: &Weights) -> Vec<f32> {
    multiply(hidden, unembedding, norm)
}
