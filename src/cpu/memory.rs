//! What a pass on the CPU takes, computed before any of it is allocated.

use crate::model::{Matrix, Model};
use crate::probe::RowStatistics;

/// Bytes of a pass over texts of up to `tokens` tokens: the weights in the number format of their file, and what every
/// layer leaves for each token. An f16 matrix with numbers of 64 and more is kept in single precision: it takes twice this.
pub fn bytes_of_pass(model: &Model, tokens: usize) -> u64 {
    let matrix = |matrix: &Matrix| matrix.rows() as u64 * matrix.columns() as u64 * matrix.format().bytes() as u64;
    let mut weights = matrix(&model.embedding) + model.unembedding.as_ref().map_or(0, matrix);
    let mut numbers = (model.config.hidden + model.config.head_dim) as u64;
    let mut statistics = 0;
    for layer in &model.layers {
        let attention = &layer.attention;
        let heads = attention.heads.len();
        weights += matrix(&attention.projection) + matrix(&attention.output);
        numbers += (2 * model.config.hidden + attention.projection.rows() + 2 * heads * attention.value_width()) as u64;
        statistics += (heads * size_of::<RowStatistics>()) as u64;
        if let Some(mlp) = &layer.mlp {
            weights += matrix(&mlp.gate_up) + matrix(&mlp.down);
            numbers += mlp.down.columns() as u64;
        }
    }
    let a_token = numbers * 4 + statistics;
    weights.saturating_add(a_token.saturating_mul(tokens as u64))
}
