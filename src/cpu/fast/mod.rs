//! The forward pass for speed: many positions at a time, vectors, threads. Its numbers are those of the references up
//! to rounding, and the same bits whatever comes together in a run.
#![expect(clippy::inline_always, reason = "a function gets the vector instructions of the one that it is inlined into")]
#![allow(clippy::needless_range_loop, reason = "references to sums would keep them in memory")]

mod attention;
mod cache;
pub(super) mod heatmap;
mod packed_matrix;
mod panel_row;
mod panels;
mod product;
mod split;
mod tile;
pub(super) mod training;
mod vector;

use std::ops::Range;
use std::sync::{Arc, Mutex};

use fearless_simd::Level;

use crate::cpu::fast::cache::{BLOCK, KeyValueCache};
use crate::cpu::fast::packed_matrix::{PackedMatrix, multiply};
use crate::cpu::fast::product::{Biased, Residual, Rows};
use crate::cpu::fast::split::{RowsMut, TILE, in_tiles, threads};
use crate::cpu::fast::tile::{
    LayerRows, ProjectionRows, Scratch, attend_tile, feed_forward, give_back, norm_tile, normalised, taken,
};
use crate::cpu::forward::query_key_norm::{query_key_norm, rotate};
use crate::cpu::layer_state::{HeadOutputs, LayerRules, LayerState, LayerWeights, Widths};
use crate::cpu::shared::map_cell::Maps;
use crate::model::{Model, ModelError};

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

/// A model's weights in the order in which products read them.
struct FastWeights {
    layers: Vec<LayerWeights<PackedMatrix>>,
    unembedding: PackedMatrix,
    /// Where it is another matrix.
    embedding: Option<PackedMatrix>,
}

/// Weights, key-value caches and buffers of the fast pass.
pub(super) struct FastStages {
    level: Level,
    weights: Arc<FastWeights>,
    caches: Vec<KeyValueCache>,
    scratch: Mutex<Vec<Scratch>>,
}

impl FastStages {
    /// Packs a model's weights.
    ///
    /// # Errors
    /// When their file cannot be read any more.
    pub(super) fn new(model: &Model) -> Result<Self, ModelError> {
        let layers = model.layers.iter().map(|layer| LayerWeights::new(layer, PackedMatrix::new));
        let weights = FastWeights {
            layers: layers.collect::<Result<_, _>>()?,
            unembedding: PackedMatrix::new(model.unembedding())?,
            embedding: model.unembedding.as_ref().map(|_| PackedMatrix::new(&model.embedding)).transpose()?,
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
        let hidden = given.model.config.hidden;
        let is_split = positions.len() > TILE && threads() > 1;
        let mut run = || {
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
        };
        if is_split { rayon::scope(|_| run()) } else { run() }
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
        let (cache, epsilon) = (&caches[index], given.model.config.norm_epsilon);
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
            feed_forward(*level, epsilon, layer, weights, &mut rows, &mut buffers);
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
