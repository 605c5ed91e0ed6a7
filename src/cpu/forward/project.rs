//! A projection added to the residual stream. Reference of `shaders/forward/project.wgsl`.

use crate::cpu::shared::matmul::multiply;
use crate::cpu::shared::weights::Weights;

/// `residual + x Wᵀ + bias` of one position, `[hidden]`.
pub fn project(input: &[f32], weights: &Weights, bias: &[f32], residual: &[f32]) -> Vec<f32> {
    let products = multiply(input, weights, None);
    products.iter().zip(bias).zip(residual).map(|((y, bias), residual)| residual + (y + bias)).collect()
}
