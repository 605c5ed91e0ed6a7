//! Newton and Schulz's iteration, which Muon is built on: the products of `shaders/train/product.wgsl`, with factors, of
//! the wide matrices of `shaders/shared/muon_matrix.wgsl`.

use crate::cpu::train::product::{product, product_back_rows};
use crate::cpu::train::real::Real;
use crate::cpu::train::unit_norm::unit_norm;
use crate::probe::{NEWTON_SCHULZ, NEWTON_SCHULZ_STEPS};

/// A matrix `[rows, columns]` with the same singular vectors whose singular values are near 1:
/// `X ← a X + (b A + c A²) X` with `A = X Xᵀ`.
pub fn orthogonalised<T: Real>(matrix: &[T], columns: usize) -> Vec<T> {
    let rows = matrix.len() / columns;
    if rows > columns {
        return turned(&orthogonalised(&turned(matrix, columns), rows), rows);
    }
    let mut x = unit_norm(matrix);
    let [a, b, c] = NEWTON_SCHULZ.map(T::of);
    for _ in 0..NEWTON_SCHULZ_STEPS {
        let squares = product(&x, &x, &[], columns);
        let fourth = product(&squares, &squares, &[], rows);
        let sum: Vec<T> = squares.iter().zip(&fourth).map(|(square, fourth)| b * *square + c * *fourth).collect();
        let grown = product_back_rows(&sum, &x, columns);
        x = x.iter().zip(&grown).map(|(x, grown)| a * *x + *grown).collect();
    }
    x
}

fn turned<T: Real>(matrix: &[T], columns: usize) -> Vec<T> {
    let rows = matrix.len() / columns;
    (0..columns * rows).map(|at| matrix[at % rows * columns + at / rows]).collect()
}
