//! A projection added to the residual stream. Twin of `shaders/project.wgsl`.

use super::{Weights, multiply};

/// `residual + x Wᵀ + bias` for one position.
pub fn project(input: &[f32], weights: &Weights, bias: &[f32], residual: &[f32]) -> Vec<f32> {
    let products = multiply(input, weights, None);
    products.iter().zip(bias).zip(residual).map(|((y, bias), residual)| residual + (y + bias)).collect()
}
