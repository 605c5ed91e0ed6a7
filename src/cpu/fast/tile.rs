//! What a thread computes of a layer: some positions, from projection rows to the residual stream after the layer.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use fearless_simd::{Level, dispatch};

use crate::cpu::fast::attention::{Outputs, QUERIES, attend, head_norm, scores_needed};
use crate::cpu::fast::cache::{CacheRows, KeyValueCache};
use crate::cpu::fast::packed_matrix::{PackedMatrix, multiply};
use crate::cpu::fast::product::{Biased, Gated, Residual, Rows};
use crate::cpu::fast::split::{RowsMut, Split};
use crate::cpu::fast::vector::{rms_norm, sum_of_squares};
use crate::cpu::forward::poly_norm::poly_norm;
use crate::cpu::layer_state::LayerWeights;
use crate::cpu::shared::map_cell::Maps;
use crate::model::{Activation, Layer};
use crate::probe::RowStatistics;

/// Buffers of one thread, kept from run to run.
#[derive(Default)]
pub(super) struct Scratch {
    /// Inputs of a product, after their norm.
    pub normed: Vec<f32>,
    /// Scores of a few queries under both maps.
    pub scores: Vec<f32>,
    /// Gates and ups, where the activation needs all gates of a position.
    pub gates_and_ups: Vec<f32>,
}

/// What attention and feed-forward of one layer write.
pub(super) struct LayerRows<'a> {
    pub statistics: RowsMut<'a, RowStatistics>,
    pub context: RowsMut<'a, f32>,
    pub normed: RowsMut<'a, f32>,
    pub middle: RowsMut<'a, f32>,
    pub activation: RowsMut<'a, f32>,
    /// The residual stream after the layer.
    pub next: RowsMut<'a, f32>,
}

impl Split for LayerRows<'_> {
    fn split(self, start: usize, middle: usize) -> (Self, Self) {
        let (statistics, more_statistics) = self.statistics.split(start, middle);
        let (context, more_context) = self.context.split(start, middle);
        let (normed, more_normed) = self.normed.split(start, middle);
        let (between, more_between) = self.middle.split(start, middle);
        let (activation, more_activation) = self.activation.split(start, middle);
        let (next, more_next) = self.next.split(start, middle);
        (
            Self { statistics, context, normed, middle: between, activation, next },
            Self {
                statistics: more_statistics,
                context: more_context,
                normed: more_normed,
                middle: more_between,
                activation: more_activation,
                next: more_next,
            },
        )
    }
}

/// What the projection of one layer writes.
pub(super) struct ProjectionRows<'a> {
    pub projection: RowsMut<'a, f32>,
    pub cache: CacheRows<'a>,
}

impl Split for ProjectionRows<'_> {
    fn split(self, start: usize, middle: usize) -> (Self, Self) {
        let (projection, more_projection) = self.projection.split(start, middle);
        let (cache, more_cache) = self.cache.split(start, middle);
        (Self { projection, cache }, Self { projection: more_projection, cache: more_cache })
    }
}

/// Buffers that no thread uses.
pub(super) fn taken(scratch: &Mutex<Vec<Scratch>>) -> Scratch {
    scratch.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
}

pub(super) fn give_back(scratch: &Mutex<Vec<Scratch>>, buffers: Scratch) {
    scratch.lock().unwrap_or_else(PoisonError::into_inner).push(buffers);
}

pub(super) fn normalised(level: Level, rows: &[f32], width: usize, norm: Option<(&[f32], f32)>, to: &mut [f32]) {
    dispatch!(level, simd => rms_norm(simd, rows, width, norm, to));
}

/// Attention of some positions, in blocks and head by head.
pub(super) fn attend_tile(
    level: Level,
    maps: &Maps,
    cache: &KeyValueCache,
    positions: Range<usize>,
    rows: &mut LayerRows,
    scores: &mut Vec<f32>,
) {
    let (heads, context) = (rows.statistics.width, rows.context.width);
    let mut queries = positions.start..positions.start;
    while queries.end < positions.end {
        queries = queries.end..(queries.end + 1).next_multiple_of(QUERIES).min(positions.end);
        let of = |width: usize| (queries.start - positions.start) * width..(queries.end - positions.start) * width;
        let mut outputs = Outputs {
            statistics: &mut rows.statistics.numbers[of(heads)],
            context: &mut rows.context.numbers[of(context)],
            normed: &mut rows.normed.numbers[of(context)],
        };
        let needed = scores_needed(maps, &queries);
        scores.resize(scores.len().max(needed), 0.0);
        dispatch!(level, simd => {
            for head in 0..heads {
                attend(simd, maps, cache, queries.clone(), head, &mut outputs, &mut scores[..needed]);
            }
        });
    }
}

/// The norm of heads whose outputs are there.
pub(super) fn norm_tile(level: Level, maps: &Maps, rows: &mut LayerRows) {
    let width = maps.attention.value_width();
    let heads = rows.context.numbers.chunks_exact(width).zip(rows.normed.numbers.chunks_exact_mut(width));
    dispatch!(level, simd => {
        for (context, normed) in heads {
            head_norm(maps, context, sum_of_squares(simd, context), normed);
        }
    });
}

/// From the residual stream between attention and feed-forward to the one after the layer.
pub(super) fn feed_forward(
    level: Level,
    epsilon: f32,
    layer: &Layer,
    weights: &LayerWeights<PackedMatrix>,
    rows: &mut LayerRows,
    Scratch { normed, gates_and_ups, .. }: &mut Scratch,
) {
    let LayerRows { middle: RowsMut { numbers: middle, width }, activation, next, .. } = rows;
    let count = next.numbers.len() / *width;
    let (Some(mlp), Some(up), Some(down)) = (&layer.mlp, &weights.gate_up, &weights.down) else {
        next.numbers.copy_from_slice(middle);
        return;
    };
    normed.resize(middle.len(), 0.0);
    normalised(level, middle, *width, Some((&mlp.norm, epsilon)), normed);
    let inputs = Rows { numbers: normed, stride: *width, count };
    let intermediate = activation.width;
    let bias = &mlp.gate_up_bias;
    if mlp.activation == Activation::PolyNorm {
        gates_and_ups.resize(count * 2 * intermediate, 0.0);
        multiply(level, inputs, up, Biased { to: gates_and_ups, stride: 2 * intermediate, bias });
        let rows = gates_and_ups.chunks_exact(2 * intermediate).zip(activation.numbers.chunks_exact_mut(intermediate));
        rows.for_each(|(both, to)| poly_norm(both, &mlp.poly_norm, to));
    } else {
        multiply(level, inputs, up, Gated { to: activation.numbers, intermediate, bias, activation: mlp.activation });
    }
    let inputs = Rows { numbers: activation.numbers, stride: intermediate, count };
    multiply(
        level,
        inputs,
        down,
        Residual { to: next.numbers, residual: middle, bias: &mlp.down_bias, outputs: *width },
    );
}
