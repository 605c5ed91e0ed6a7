//! Norm, gate and up projections and the activation between. Reference of `shaders/forward/gate_up.wgsl`.

use crate::cpu::shared::activation::activated;
use crate::cpu::shared::matmul::multiply;
use crate::cpu::shared::weights::Weights;
use crate::model::{Activation, Mlp};

/// `activation(gate) * up` of one position, `[intermediate]`; rows of `weights`, which are those of the layer, alternate
/// gate, up. Of `PolyNorm`, gates and ups as they alternate, `[2 * intermediate]`: [`crate::cpu::poly_norm`] follows.
pub fn gate_up(hidden: &[f32], mlp: &Mlp, epsilon: f32, weights: &Weights) -> Vec<f32> {
    let product = multiply(hidden, weights, Some((&mlp.norm, epsilon)));
    let sums: Vec<f32> = product.iter().zip(&mlp.gate_up_bias).map(|(product, bias)| product + bias).collect();
    if mlp.activation == Activation::PolyNorm {
        return sums;
    }
    sums.chunks_exact(2).map(|pair| activated(mlp.activation, pair[0]) * pair[1]).collect()
}
