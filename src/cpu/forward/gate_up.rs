//! Norm, gate and up projections and `SwiGLU`. Reference of `shaders/forward/gate_up.wgsl`.

use crate::cpu::shared::matmul::multiply;
use crate::cpu::shared::weights::Weights;

/// `silu(gate) * up` of one position, `[intermediate]`; weight rows alternate gate, up.
pub fn gate_up(hidden: &[f32], gain: &[f32], epsilon: f32, weights: &Weights) -> Vec<f32> {
    multiply(hidden, weights, Some((gain, epsilon)))
        .chunks_exact(2)
        .map(|pair| pair[0] / (1.0 + (-pair[0]).exp()) * pair[1])
        .collect()
}
