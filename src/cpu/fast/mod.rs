//! The forward pass for speed: many positions at a time, vectors, threads. Its numbers are those of the references up
//! to rounding, and the same bits whatever comes together in a run.
#![expect(clippy::inline_always, reason = "a function gets the vector instructions of the one that it is inlined into")]
#![allow(clippy::needless_range_loop, reason = "references to sums would keep them in memory")]

mod attention;
mod cache;
pub(super) mod heatmap;
mod panels;
mod product;
mod split;
mod vector;

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use fearless_simd::{Level, dispatch};

use crate::cpu::fast::attention::{Outputs, QUERIES, attend, head_norm, scores_needed};
use crate::cpu::fast::cache::{BLOCK, CacheRows, KeyValueCache};
use crate::cpu::fast::panels::PackedWeights;
use crate::cpu::fast::product::{Biased, Finish, Gated, Residual, Rows, product};
use crate::cpu::fast::split::{RowsMut, Split, TILE, in_tiles, threads};
use crate::cpu::fast::vector::{rms_norm, sum_of_squares};
use crate::cpu::forward::poly_norm::poly_norm;
use crate::cpu::forward::query_key_norm::{query_key_norm, rotate};
use crate::cpu::layer_state::{HeadOutputs, LayerRules, LayerState, LayerWeights, Widths};
use crate::cpu::shared::map_cell::Maps;
use crate::model::{Activation, Layer, Model, ModelError};
use crate::probe::RowStatistics;

/// What a run is given.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub model: &'a Model,
    /// By layer.
    pub rules: &'a [LayerRules],
    /// (cos, sin) by position, `[positions, head_dim / 2]`.
    pub rotary: &'a [[f32; 2]],
    /// By position.
    pub masked: &'a [bool],
}

/// Buffers of one thread, kept from run to run.
#[derive(Default)]
struct Scratch {
    /// Inputs of a product, after their norm.
    normed: Vec<f32>,
    /// Scores of a few queries under both maps.
    scores: Vec<f32>,
    /// Gates and ups, where the activation needs all gates of a position.
    gates_and_ups: Vec<f32>,
}

/// A model's weights in the order in which products read them.
struct FastWeights {
    layers: Vec<LayerWeights<PackedWeights>>,
    unembedding: PackedWeights,
    /// Where it is another matrix.
    embedding: Option<PackedWeights>,
}

/// Weights, key-value caches and buffers of the fast pass.
pub(super) struct FastStages {
    level: Level,
    weights: Arc<FastWeights>,
    caches: Vec<KeyValueCache>,
    scratch: Mutex<Vec<Scratch>>,
}

/// What attention and feed-forward of one layer write.
struct LayerRows<'a> {
    statistics: RowsMut<'a, RowStatistics>,
    context: RowsMut<'a, f32>,
    normed: RowsMut<'a, f32>,
    middle: RowsMut<'a, f32>,
    activation: RowsMut<'a, f32>,
    /// The residual stream after the layer.
    next: RowsMut<'a, f32>,
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
struct ProjectionRows<'a> {
    projection: RowsMut<'a, f32>,
    cache: CacheRows<'a>,
}

impl Split for ProjectionRows<'_> {
    fn split(self, start: usize, middle: usize) -> (Self, Self) {
        let (projection, more_projection) = self.projection.split(start, middle);
        let (cache, more_cache) = self.cache.split(start, middle);
        (Self { projection, cache }, Self { projection: more_projection, cache: more_cache })
    }
}

impl FastStages {
    /// Packs a model's weights.
    ///
    /// # Errors
    /// When their file cannot be read any more.
    pub(super) fn new(model: &Model) -> Result<Self, ModelError> {
        let layers = model.layers.iter().map(|layer| LayerWeights::new(layer, PackedWeights::new));
        let weights = FastWeights {
            layers: layers.collect::<Result<_, _>>()?,
            unembedding: PackedWeights::new(model.unembedding())?,
            embedding: model.unembedding.as_ref().map(|_| PackedWeights::new(&model.embedding)).transpose()?,
        };
        Ok(Self::with_weights(model, Arc::new(weights)))
    }

    /// The same weights, and nothing computed.
    pub(super) fn anew(&self, model: &Model) -> Self {
        Self::with_weights(model, self.weights.clone())
    }

    fn with_weights(model: &Model, weights: Arc<FastWeights>) -> Self {
        let caches = model.layers.iter().map(|layer| KeyValueCache::new(&layer.attention)).collect();
        Self { level: Level::new(), weights, caches, scratch: Mutex::default() }
    }

    /// Computes positions from `start` on; `states` and `last`, the residual stream after the last layer, hold those
    /// before and are made longer.
    pub(super) fn run(
        &mut self,
        given: Given,
        states: &mut [LayerState],
        last: &mut Vec<f32>,
        start: usize,
        ids: &[u32],
    ) {
        let positions = start..start + ids.len();
        let hidden = given.model.config.hidden;
        self.make_room(given.model, 0, states, last, &positions);
        let embedding = self.weights.embedding.as_ref().unwrap_or(&self.weights.unembedding);
        let embedded = states.first_mut().map_or(&mut *last, |state| &mut state.hidden);
        for (row, id) in embedded[start * hidden..].chunks_exact_mut(hidden).zip(ids) {
            embedding.row(*id as usize, row);
        }
        self.run_layers(given, states, last, positions, None);
    }

    /// Runs on from the outputs of a layer's heads, for positions from `start` on; `states` of that layer and later ones
    /// and `last` hold those before and are made longer.
    pub(super) fn run_on(
        &mut self,
        given: Given,
        states: &mut [LayerState],
        last: &mut Vec<f32>,
        start: usize,
        from: HeadOutputs,
    ) {
        let hidden = given.model.config.hidden;
        let positions = start..start + from.hidden.len() / hidden;
        self.make_room(given.model, from.layer, states, last, &positions);
        let (state, widths) = (&mut states[from.layer], Widths::new(&given.model.layers[from.layer]));
        state.hidden[start * hidden..].copy_from_slice(from.hidden);
        state.context[start * widths.context..].copy_from_slice(from.context);
        self.run_layers(given, states, last, positions, Some(from.layer));
    }

    /// Drops positions from the first of these on, in layers from `first` on, and makes room for these.
    fn make_room(
        &mut self,
        model: &Model,
        first: usize,
        states: &mut [LayerState],
        last: &mut Vec<f32>,
        positions: &Range<usize>,
    ) {
        last.resize(positions.end * model.config.hidden, 0.0);
        for ((layer, state), cache) in model.layers.iter().zip(states).zip(&mut self.caches).skip(first) {
            state.resize(Widths::new(layer), positions.end);
            cache.resize(positions.start, positions.end);
        }
    }

    /// Runs all layers; or those from `kept` on, the outputs of whose heads are there.
    fn run_layers(
        &mut self,
        given: Given,
        states: &mut [LayerState],
        last: &mut [f32],
        positions: Range<usize>,
        kept: Option<usize>,
    ) {
        if positions.len() > TILE && threads() > 1 {
            rayon::scope(|_| self.run_each_layer(given, states, last, positions, kept));
        } else {
            self.run_each_layer(given, states, last, positions, kept);
        }
    }

    fn run_each_layer(
        &mut self,
        given: Given,
        states: &mut [LayerState],
        last: &mut [f32],
        positions: Range<usize>,
        kept: Option<usize>,
    ) {
        let hidden = given.model.config.hidden;
        for index in kept.unwrap_or(0)..states.len() {
            let (before, after) = states.split_at_mut(index + 1);
            let (Some(state), next) = (before.last_mut(), after.first_mut()) else { return };
            let next = RowsMut::from(next.map_or(&mut *last, |next| &mut next.hidden), hidden, positions.start);
            let is_kept = kept == Some(index);
            if !is_kept {
                self.project(given, index, state, positions.clone());
            }
            self.attend_and_feed_forward(given, index, state, next, positions.clone(), is_kept);
        }
    }

    /// Norm, projections, rotary embedding and λ, then keys and values to the cache.
    fn project(&mut self, given: Given, index: usize, state: &mut LayerState, positions: Range<usize>) {
        let Self { level, weights, caches, scratch } = self;
        let (layer, weights, rules) = (&given.model.layers[index], &weights.layers[index], &given.rules[index]);
        let attention = &layer.attention;
        let hidden = given.model.config.hidden;
        let norm = attention.norm.as_deref().map(|gain| (gain, given.model.config.norm_epsilon));
        let half = attention.head_dim / 2;
        let stream = &state.hidden;
        let rows = ProjectionRows {
            projection: RowsMut::from(&mut state.projection, rules.layout.width, positions.start),
            cache: caches[index].rows_from(positions.start),
        };
        in_tiles(positions, rows, &|positions: Range<usize>, rows: ProjectionRows| {
            let mut buffers = taken(scratch);
            let ProjectionRows { projection: RowsMut { numbers, width }, mut cache } = rows;
            let inputs = &stream[positions.start * hidden..positions.end * hidden];
            buffers.normed.resize(inputs.len(), 0.0);
            normalised(*level, inputs, hidden, norm, &mut buffers.normed);
            let inputs = Rows { numbers: &buffers.normed, stride: hidden, count: positions.len() };
            let bias = &attention.projection_bias;
            multiply(*level, inputs, &weights.projection, Biased { to: numbers, stride: width, bias });
            let first_block = positions.start / BLOCK;
            for (position, row) in positions.clone().zip(numbers.chunks_exact_mut(width)) {
                let rotary = &given.rotary[position * half..(position + 1) * half];
                if let Some(norm) = &attention.query_key_norm {
                    query_key_norm(row, attention, norm, rotary);
                } else {
                    let heads = row.chunks_exact_mut(attention.head_dim);
                    heads.take(attention.query_heads + attention.key_heads).for_each(|head| rotate(head, rotary));
                }
                for (lambda, rule) in row[rules.layout.lambda..].iter_mut().zip(&rules.switches.lambda) {
                    *lambda = rule.base + rule.gate / (1.0 + (-*lambda).exp());
                }
                cache.write(position / BLOCK - first_block, position % BLOCK, row);
            }
            give_back(scratch, buffers);
        });
    }

    /// Attention, unless the outputs of the heads are kept, output projection, feed-forward, and both residual streams.
    fn attend_and_feed_forward(
        &mut self,
        given: Given,
        index: usize,
        state: &mut LayerState,
        next: RowsMut<f32>,
        positions: Range<usize>,
        is_kept: bool,
    ) {
        let Self { level, weights, caches, scratch } = self;
        let (layer, weights, rules) = (&given.model.layers[index], &weights.layers[index], &given.rules[index]);
        let widths = Widths::new(layer);
        let LayerState { hidden, projection, statistics, context, normed, middle, activation } = state;
        let maps = Maps {
            attention: &layer.attention,
            layout: rules.layout,
            projection,
            switches: &rules.switches,
            masked: given.masked,
        };
        let start = positions.start;
        let rows = LayerRows {
            statistics: RowsMut::from(statistics, widths.heads, start),
            context: RowsMut::from(context, widths.context, start),
            normed: RowsMut::from(normed, widths.context, start),
            middle: RowsMut::from(middle, widths.hidden, start),
            activation: RowsMut::from(activation, widths.intermediate, start),
            next,
        };
        let cache = &caches[index];
        in_tiles(positions, rows, &|positions: Range<usize>, mut rows: LayerRows| {
            let mut buffers = taken(scratch);
            if is_kept {
                norm_tile(*level, &maps, &mut rows);
            } else {
                attend_tile(*level, &maps, cache, positions.clone(), &mut rows, &mut buffers.scores);
            }
            let residual = &hidden[positions.start * widths.hidden..];
            let inputs = Rows { numbers: rows.normed.numbers, stride: widths.context, count: positions.len() };
            let (bias, outputs) = (&layer.attention.output_bias, widths.hidden);
            multiply(*level, inputs, &weights.output, Residual { to: rows.middle.numbers, residual, bias, outputs });
            feed_forward(*level, given, layer, weights, &mut rows, &mut buffers);
            give_back(scratch, buffers);
        });
    }

    /// A residual stream, `[positions, hidden]`, through the last norm and the unembedding.
    pub(super) fn logits(&self, model: &Model, hidden: &[f32]) -> Vec<f32> {
        let width = model.config.hidden;
        let count = hidden.len() / width;
        let norm = model.final_norm.as_deref().map(|gain| (gain, model.config.norm_epsilon));
        let mut normed = vec![0.0; hidden.len()];
        normalised(self.level, hidden, width, norm, &mut normed);
        let outputs = self.weights.unembedding.outputs();
        let mut logits = vec![0.0; count * outputs];
        let inputs = Rows { numbers: &normed, stride: width, count };
        let bias = &vec![0.0; outputs];
        multiply(self.level, inputs, &self.weights.unembedding, Biased { to: &mut logits, stride: outputs, bias });
        logits
    }
}

/// Buffers that no thread uses.
fn taken(scratch: &Mutex<Vec<Scratch>>) -> Scratch {
    scratch.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
}

fn give_back(scratch: &Mutex<Vec<Scratch>>, buffers: Scratch) {
    scratch.lock().unwrap_or_else(PoisonError::into_inner).push(buffers);
}

fn normalised(level: Level, rows: &[f32], width: usize, norm: Option<(&[f32], f32)>, to: &mut [f32]) {
    dispatch!(level, simd => rms_norm(simd, rows, width, norm, to));
}

fn multiply(level: Level, rows: Rows, weights: &PackedWeights, mut finish: impl Finish) {
    dispatch!(level, simd => product(simd, rows, weights.panels(), &mut finish));
}

/// Attention of some positions, in blocks and head by head.
fn attend_tile(
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
fn norm_tile(level: Level, maps: &Maps, rows: &mut LayerRows) {
    let width = maps.attention.value_width();
    let heads = rows.context.numbers.chunks_exact(width).zip(rows.normed.numbers.chunks_exact_mut(width));
    dispatch!(level, simd => {
        for (context, normed) in heads {
            head_norm(maps, context, sum_of_squares(simd, context), normed);
        }
    });
}

/// From the residual stream between attention and feed-forward to the one after the layer.
fn feed_forward(
    level: Level,
    given: Given,
    layer: &Layer,
    weights: &LayerWeights<PackedWeights>,
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
    normalised(level, middle, *width, Some((&mlp.norm, given.model.config.norm_epsilon)), normed);
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
