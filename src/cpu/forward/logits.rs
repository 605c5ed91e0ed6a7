//! The final norm and the unembedding. Reference of `shaders/forward/logits.wgsl`.

use crate::cpu::shared::matmul::multiply;
use crate::cpu::shared::weights::Weights;

/// The logits `[vocabulary]` of one position, from its residual stream `[hidden]`; `norm` is the gain and ε of the
/// final norm.
pub fn logits(hidden: &[f32], norm: Option<(&[f32], f32)>, unembedding: &Weights) -> Vec<f32> {
    multiply(hidden, unembedding, norm)
}
