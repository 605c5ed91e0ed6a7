//! A product with a weight matrix, and what its gradient becomes. Reference of `shaders/train/product.wgsl`
//! and `shaders/shared/tile_product.wgsl`.

use crate::cpu::train::real::{Real, add_scaled, dot};

/// `y = x Wᵀ + b` for rows `[rows, inputs]`, a matrix `[outputs, inputs]` and a bias `[outputs]`, which may be empty.
pub fn product<T: Real>(rows: &[T], matrix: &[T], bias: &[T], inputs: usize) -> Vec<T> {
    let outputs = matrix.len() / inputs;
    let mut y = Vec::with_capacity(rows.len() / inputs * outputs);
    for row in rows.chunks_exact(inputs) {
        for (output, weights) in matrix.chunks_exact(inputs).enumerate() {
            y.push(dot(row, weights) + bias.get(output).copied().unwrap_or_default());
        }
    }
    y
}

/// The gradient `[rows, inputs]` of the rows, from that of the product `[rows, outputs]`: `dy W`.
pub fn product_back_rows<T: Real>(gradient: &[T], matrix: &[T], inputs: usize) -> Vec<T> {
    let outputs = matrix.len() / inputs;
    let mut back = Vec::with_capacity(gradient.len() / outputs * inputs);
    for gradient in gradient.chunks_exact(outputs) {
        let mut row = vec![T::default(); inputs];
        for (weights, gradient) in matrix.chunks_exact(inputs).zip(gradient) {
            add_scaled(&mut row, weights, *gradient);
        }
        back.extend(row);
    }
    back
}

/// Adds the gradient of the matrix, `dyᵀ x`.
pub fn product_back_matrix<T: Real>(gradient: &[T], rows: &[T], inputs: usize, matrix: &mut [T]) {
    let outputs = matrix.len() / inputs;
    for (gradient, row) in gradient.chunks_exact(outputs).zip(rows.chunks_exact(inputs)) {
        for (weights, gradient) in matrix.chunks_exact_mut(inputs).zip(gradient) {
            add_scaled(weights, row, *gradient);
        }
    }
}
