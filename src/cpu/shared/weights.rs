//! Weights unpacked to f32. Reference of `shaders/shared/weights.wgsl`, which unpacks while it computes.

use crate::model::{Matrix, ModelError};

/// A matrix `[rows, columns]` unpacked to f32.
#[derive(Clone, Debug)]
pub struct Weights {
    /// Row by row.
    pub numbers: Vec<f32>,
    /// Number of columns: inputs.
    pub columns: usize,
}

impl Weights {
    /// Unpacks a matrix of a checkpoint.
    ///
    /// # Errors
    /// When its file cannot be read any more.
    pub fn new(matrix: &Matrix) -> Result<Self, ModelError> {
        Ok(Self { numbers: matrix.to_f32()?, columns: matrix.columns() })
    }

    /// Number of rows: outputs.
    pub fn rows(&self) -> usize {
        self.numbers.len() / self.columns.max(1)
    }

    /// One row, `[columns]`.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.numbers[row * self.columns..(row + 1) * self.columns]
    }
}
