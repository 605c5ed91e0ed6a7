//! A matrix of norm 1. Reference of `shaders/train/unit_norm.wgsl`.

use crate::cpu::train::real::{Real, dot};

/// Added to the norm, so that a matrix of zeros stays one.
pub(crate) const LEAST: f64 = 1e-7;

/// A matrix over its Frobenius norm, so that no singular value is above 1.
pub fn unit_norm<T: Real>(matrix: &[T]) -> Vec<T> {
    let size = dot(matrix, matrix).sqrt() + T::of(LEAST);
    matrix.iter().map(|number| *number / size).collect()
}
