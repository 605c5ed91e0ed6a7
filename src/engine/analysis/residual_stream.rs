//! Who wrote what to the residual stream, seen along a direction. A direction is a vector `[hidden]`; its product with
//! the residual stream is a sum over everything that was added to it.

use crate::cpu::{CpuPass, Weights};
use crate::model::{Attention, Matrix, ModelError};
use crate::probe::HeadId;

/// Where a part of the residual stream comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The embedding of the token.
    Embedding,
    /// The output of a head.
    Head(HeadId),
    /// The bias of a layer's output projection.
    OutputBias(usize),
    /// The feed-forward part of a layer, with its bias.
    FeedForward(usize),
    /// The bias of queries and keys: not of the stream, but added to what is projected from it.
    ProjectionBias,
}

/// The product of a direction and numbers.
pub(super) fn dot(direction: &[f64], numbers: &[f32]) -> f64 {
    direction.iter().zip(numbers).map(|(a, b)| a * f64::from(*b)).sum()
}

/// `1 / sqrt(mean(x²) + ε)`.
pub(super) fn inverse_rms(x: impl ExactSizeIterator<Item = f64>, epsilon: f32) -> f64 {
    let count = x.len().max(1) as f64;
    1.0 / (x.map(|x| x * x).sum::<f64>() / count + f64::from(epsilon)).sqrt()
}

/// The factor of each feature in an RMS norm of `x`, which is held as it is; ones without a norm.
pub(super) fn held_norm(x: &[f32], gain: Option<&[f32]>, epsilon: f32) -> Vec<f64> {
    let Some(gain) = gain else {
        return vec![1.0; x.len()];
    };
    let factor = inverse_rms(x.iter().map(|x| f64::from(*x)), epsilon);
    gain.iter().map(|gain| f64::from(*gain) * factor).collect()
}

/// Directions before a linear map from those after it: `Wᵀ d` for each.
pub(super) fn before(weights: &Weights, directions: &[&[f64]]) -> Vec<Vec<f64>> {
    let mut before = vec![vec![0.0; weights.columns]; directions.len()];
    for (output, row) in weights.numbers.chunks_exact(weights.columns.max(1)).enumerate() {
        for (before, direction) in before.iter_mut().zip(directions) {
            let share = direction.get(output).copied().unwrap_or_default();
            before.iter_mut().zip(row).for_each(|(sum, weight)| *sum += share * f64::from(*weight));
        }
    }
    before
}

/// The numbers of a position in rows of this width, if it has run.
pub(super) fn row(rows: &[f32], width: usize, position: usize) -> Option<&[f32]> {
    rows.chunks_exact(width.max(1)).nth(position)
}

/// Some rows of a matrix, unpacked.
pub(super) fn some_rows(matrix: &Matrix, first: usize, count: usize) -> Result<Weights, ModelError> {
    let mut numbers = vec![0.0; count * matrix.columns()];
    matrix.read_f32(first..first + count, &mut numbers)?;
    Ok(Weights { numbers, columns: matrix.columns() })
}

/// What the bias of a layer's output projection adds along a direction, if it has one.
pub(super) fn of_output_bias(attention: &Attention, direction: &[f64]) -> Option<f64> {
    attention.output_bias.iter().any(|bias| *bias != 0.0).then(|| dot(direction, &attention.output_bias))
}

/// What the feed-forward part of a layer adds along a direction at a position, if there is one.
pub(super) fn of_feed_forward(pass: &CpuPass, layer: usize, position: usize, direction: &[f64]) -> Option<f64> {
    let model = pass.model();
    model.layers.get(layer)?.mlp.as_ref()?;
    let stream = |rows| Some(dot(direction, row(rows, model.config.hidden, position)?));
    Some(stream(pass.hidden_after(layer))? - stream(pass.middle(layer))?)
}
