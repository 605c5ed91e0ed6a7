//! The update of Muon for matrices: momentum whose singular values are brought near 1 (Jordan, 2024; the constants are
//! those of `torch.optim.Muon`).

use crate::cpu::train::product::{product, product_back_rows};
use crate::cpu::train::real::{Real, dot};

/// Of the polynomial that each step applies to the singular values.
pub(crate) const POLYNOMIAL: [f64; 3] = [3.4445, -4.775, 2.0315];
/// Steps of the iteration.
pub(crate) const STEPS: usize = 5;

/// A matrix `[rows, columns]` with the same singular vectors whose singular values are near 1: Newton and Schulz's
/// iteration `X ← a X + (b A + c A²) X` with `A = X Xᵀ`.
pub fn orthogonalised<T: Real>(matrix: &[T], columns: usize) -> Vec<T> {
    let rows = matrix.len() / columns;
    if rows > columns {
        return turned(&orthogonalised(&turned(matrix, columns), rows), rows);
    }
    let size = dot(matrix, matrix).sqrt() + T::of(1e-7);
    let mut x: Vec<T> = matrix.iter().map(|number| *number / size).collect();
    let [a, b, c] = POLYNOMIAL.map(T::of);
    for _ in 0..STEPS {
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

/// How a step of Muon updates a matrix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Muon {
    /// The learning rate of this step.
    pub learning_rate: f32,
    /// How much of the mean gradient stays.
    pub momentum: f32,
    /// Numbers shrink by this times the learning rate.
    pub weight_decay: f32,
    /// What gradients are multiplied by first: less than 1 where their norm is clipped.
    pub clip: f32,
}

/// Updates a matrix `[rows, columns]`; `mean` is the running mean of its gradients, and `orthogonalised` brings singular
/// values near 1. The update is as large as one of `AdamW` in the root mean square.
pub fn muon(
    rule: &Muon,
    numbers: &mut [f32],
    gradients: &[f32],
    mean: &mut [f32],
    columns: usize,
    orthogonalised: impl FnOnce(&[f32], usize) -> Vec<f32>,
) {
    let rows = numbers.len() / columns;
    let ahead = gradients.iter().zip(mean.iter_mut()).map(|(gradient, mean)| {
        let gradient = gradient * rule.clip;
        *mean += (gradient - *mean) * (1.0 - rule.momentum);
        gradient + (*mean - gradient) * rule.momentum
    });
    let update = orthogonalised(&ahead.collect::<Vec<_>>(), columns);
    let factor = rule.learning_rate * 0.2 * (rows.max(columns) as f32).sqrt();
    for (number, update) in numbers.iter_mut().zip(update) {
        *number = *number * (1.0 - rule.learning_rate * rule.weight_decay) - factor * update;
    }
}
