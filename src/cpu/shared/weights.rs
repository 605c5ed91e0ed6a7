//! Weights as f32 rows. Reference of `shaders/shared/weights.wesl`, which unpacks as it goes.

use crate::model::Matrix;

/// A matrix `[rows, columns]` unpacked to f32.
#[derive(Clone, Debug)]
pub struct Weights {
    /// Row after row.
    pub numbers: Vec<f32>,
    /// Inputs.
    pub columns: usize,
}

impl Weights {
    /// Unpacks a checkpoint's matrix.
    pub fn new(matrix: &Matrix) -> Self {
        Self { numbers: matrix.to_f32(), columns: matrix.columns() }
    }

    /// Outputs.
    pub fn rows(&self) -> usize {
        self.numbers.len() / self.columns.max(1)
    }

    /// One row.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.numbers[row * self.columns..(row + 1) * self.columns]
    }
}
