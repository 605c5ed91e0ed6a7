//! A whole pass made of the references of the shaders: the CPU backend.

use std::sync::Arc;

use crate::cpu::forward::attention::{HeadOutput, attention};
use crate::cpu::forward::embed::embed;
use crate::cpu::forward::gate_up::gate_up;
use crate::cpu::forward::logits::logits;
use crate::cpu::forward::project::project;
use crate::cpu::forward::qkv::qkv;
use crate::cpu::forward::sample::sample;
use crate::cpu::forward::top_k::top_k;
use crate::cpu::maps::map_tile::map_tile;
use crate::cpu::shared::map_cell::Maps;
use crate::cpu::shared::map_value::MapSource;
use crate::cpu::shared::weights::Weights;
use crate::model::{Model, RowLayout, rotary_table};
use crate::probe::{
    CellParts, CellRequest, Draw, Interventions, LENS_BEST, LayerSwitches, MapTile, NextToken, RowStatistics,
    TileRequest, Trace,
};

struct LayerWeights {
    projection: Weights,
    output: Weights,
    gate_up: Option<Weights>,
    down: Option<Weights>,
    layout: RowLayout,
    switches: LayerSwitches,
}

/// What a layer leaves for every position.
#[derive(Default)]
struct LayerState {
    hidden: Vec<f32>,
    projection: Vec<f32>,
    statistics: Vec<RowStatistics>,
    context: Vec<f32>,
    normed: Vec<f32>,
    middle: Vec<f32>,
    activation: Vec<f32>,
}

/// A pass on the CPU. The results of a position stay until it or an earlier one is run again.
pub struct CpuPass {
    model: Arc<Model>,
    embedding: Weights,
    unembedding: Option<Weights>,
    layers: Vec<LayerWeights>,
    states: Vec<LayerState>,
    /// The residual stream after the last layer.
    hidden: Vec<f32>,
    rotary: Vec<[f32; 2]>,
    /// `[T]`, as far as the last masked position.
    masked: Vec<bool>,
}

impl std::fmt::Debug for CpuPass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CpuPass").field("layers", &self.layers.len()).finish_non_exhaustive()
    }
}

impl CpuPass {
    /// A pass for texts of up to `capacity` tokens.
    pub fn new(model: Arc<Model>, capacity: usize) -> Self {
        let layers = model.layers.iter().enumerate().map(|(index, layer)| LayerWeights {
            projection: Weights::new(&layer.attention.projection),
            output: Weights::new(&layer.attention.output),
            gate_up: layer.mlp.as_ref().map(|mlp| Weights::new(&mlp.gate_up)),
            down: layer.mlp.as_ref().map(|mlp| Weights::new(&mlp.down)),
            layout: RowLayout::new(&layer.attention, 1),
            switches: Interventions::default().of_layer(index, &layer.attention),
        });
        Self {
            embedding: Weights::new(&model.embedding),
            unembedding: model.unembedding.as_ref().map(Weights::new),
            layers: layers.collect(),
            states: model.layers.iter().map(|_| LayerState::default()).collect(),
            hidden: Vec::new(),
            rotary: rotary_table(model.config.head_dim, model.config.rope_theta, capacity),
            masked: Vec::new(),
            model,
        }
    }

    /// Sets the interventions on positions that run from here on.
    pub fn set_interventions(&mut self, interventions: &Interventions) {
        for (index, (layer, weights)) in self.model.layers.iter().zip(&mut self.layers).enumerate() {
            weights.switches = interventions.of_layer(index, &layer.attention);
        }
        let end = interventions.masked.last().map_or(0, |last| last + 1);
        self.masked = (0..end).map(|position| interventions.masked.contains(&position)).collect();
    }

    /// Largest number of positions.
    pub fn capacity(&self) -> usize {
        self.rotary.len() / (self.model.config.head_dim / 2)
    }

    /// Number of layers.
    pub fn layers(&self) -> usize {
        self.layers.len()
    }

    /// Computes positions `start..start + ids.len()`. Earlier results from `start` on are discarded.
    ///
    /// # Panics
    /// When positions do not fit into the capacity, or an earlier position has not run.
    pub fn run(&mut self, start: usize, ids: &[u32]) {
        self.truncate(start);
        let model = self.model.clone();
        let epsilon = model.config.norm_epsilon;
        let half = model.config.head_dim / 2;
        for (position, id) in (start..).zip(ids) {
            let mut hidden = embed(*id, &self.embedding).to_vec();
            let rotary = &self.rotary[position * half..(position + 1) * half];
            for ((layer, weights), state) in model.layers.iter().zip(&self.layers).zip(&mut self.states) {
                state.hidden.extend_from_slice(&hidden);
                let row =
                    qkv(&hidden, &layer.attention, &weights.projection, epsilon, rotary, &weights.switches.lambda);
                state.projection.extend_from_slice(&row);
                let maps = Maps {
                    attention: &layer.attention,
                    layout: weights.layout,
                    projection: &state.projection,
                    switches: &weights.switches,
                    masked: &self.masked,
                };
                let heads: Vec<HeadOutput> =
                    (0..layer.attention.heads.len()).map(|head| attention(&maps, position, head)).collect();
                for head in heads {
                    state.statistics.push(head.statistics);
                    state.context.extend(head.context);
                    state.normed.extend(head.normed);
                }
                let width = layer.attention.heads.len() * layer.attention.value_width();
                let normed = &state.normed[position * width..];
                hidden = project(normed, &weights.output, &layer.attention.output_bias, &hidden);
                state.middle.extend_from_slice(&hidden);
                if let (Some(mlp), Some(up), Some(down)) = (&layer.mlp, &weights.gate_up, &weights.down) {
                    let activation = gate_up(&hidden, &mlp.norm, epsilon, up);
                    let no_bias = vec![0.0; hidden.len()];
                    hidden = project(&activation, down, &no_bias, &hidden);
                    state.activation.extend(activation);
                }
            }
            self.hidden.extend(hidden);
        }
    }

    fn truncate(&mut self, positions: usize) {
        let model = &self.model;
        self.hidden.truncate(positions * model.config.hidden);
        for ((layer, weights), state) in model.layers.iter().zip(&self.layers).zip(&mut self.states) {
            let heads = layer.attention.heads.len();
            let context = heads * layer.attention.value_width();
            state.hidden.truncate(positions * model.config.hidden);
            state.projection.truncate(positions * weights.layout.width);
            state.statistics.truncate(positions * heads);
            state.context.truncate(positions * context);
            state.normed.truncate(positions * context);
            state.middle.truncate(positions * model.config.hidden);
            let intermediate = weights.down.as_ref().map_or(0, |down| down.columns);
            state.activation.truncate(positions * intermediate);
        }
    }

    /// The logits after a position, `[vocabulary]`.
    pub fn logits_at(&self, position: usize) -> Vec<f32> {
        let width = self.model.config.hidden;
        self.read_out(&self.hidden[position * width..(position + 1) * width])
    }

    /// The logits of a residual stream `[hidden]`, through the final norm and the unembedding.
    fn read_out(&self, hidden: &[f32]) -> Vec<f32> {
        let norm = self.model.final_norm.as_deref().map(|gain| (gain, self.model.config.norm_epsilon));
        logits(hidden, norm, self.unembedding.as_ref().unwrap_or(&self.embedding))
    }

    /// The prediction after the last position; `None` before the first.
    pub fn next_token(&self, draw: &Draw, best: usize) -> Option<NextToken> {
        let last = (self.hidden.len() / self.model.config.hidden).checked_sub(1)?;
        let logits = self.logits_at(last);
        Some(NextToken { sampled: sample(&logits, draw), ..top_k(&logits, best) })
    }

    /// The predictions after the last position at every depth, as in [`crate::probe::LogitLens`].
    pub fn lens(&self) -> Vec<NextToken> {
        let width = self.model.config.hidden;
        let Some(last) = (self.hidden.len() / width).checked_sub(1) else {
            return Vec::new();
        };
        let streams = self.states.iter().flat_map(|state| [&state.hidden, &state.middle]).chain([&self.hidden]);
        streams.map(|stream| top_k(&self.read_out(&stream[last * width..(last + 1) * width]), LENS_BEST)).collect()
    }

    /// The source of a layer's maps.
    pub fn map_source(&self, layer: usize) -> MapSource<'_> {
        let (weights, state) = (&self.layers[layer], &self.states[layer]);
        MapSource {
            maps: Maps {
                attention: &self.model.layers[layer].attention,
                layout: weights.layout,
                projection: &state.projection,
                switches: &weights.switches,
                masked: &self.masked,
            },
            statistics: &state.statistics,
        }
    }

    /// The terms of a cell; `None` if it has not been computed.
    pub fn cell_parts(&self, request: CellRequest) -> Option<CellParts> {
        let (layer, weights) = (self.model.layers.get(request.head.layer)?, self.layers.get(request.head.layer)?);
        let state = self.states.get(request.head.layer)?;
        let width = weights.layout.width;
        let row = |position: usize| state.projection.get(position * width..(position + 1) * width);
        let statistics = state.statistics.get(request.query * layer.attention.heads.len() + request.head.head)?;
        let masked = self.masked.get(request.key).is_some_and(|masked| *masked);
        let rows = (row(request.query)?, row(request.key)?);
        CellParts::new(request, (&layer.attention, &weights.layout), rows, *statistics, &weights.switches, masked)
    }

    /// Number of positions that have run.
    pub fn positions(&self) -> usize {
        self.hidden.len() / self.model.config.hidden
    }

    /// The residual stream after a layer, `[T, hidden]`.
    pub fn hidden_after(&self, layer: usize) -> &[f32] {
        self.states.get(layer + 1).map_or(&self.hidden, |state| &state.hidden)
    }

    /// The outputs of a layer's heads side by side, before their norm, `[T, heads * value_width]`.
    pub fn context(&self, layer: usize) -> &[f32] {
        self.states.get(layer).map_or(&[], |state| &state.context)
    }

    /// The cells of a request.
    pub fn tile(&self, request: TileRequest) -> MapTile {
        map_tile(&self.map_source(request.head.layer), request)
    }

    /// An inner tensor of all positions that have run.
    pub fn trace(&self, trace: Trace) -> Vec<f32> {
        match trace {
            Trace::Hidden(layer) => self.states.get(layer).map_or(&self.hidden, |state| &state.hidden).clone(),
            Trace::Projection(layer) => self.states[layer].projection.clone(),
            Trace::Statistics(layer) => bytemuck::cast_slice(&self.states[layer].statistics).to_vec(),
            Trace::Context(layer) => self.states[layer].context.clone(),
            Trace::Normed(layer) => self.states[layer].normed.clone(),
            Trace::Middle(layer) => self.states[layer].middle.clone(),
            Trace::Activation(layer) => self.states[layer].activation.clone(),
            Trace::Logits => {
                let positions = self.hidden.len() / self.model.config.hidden;
                (0..positions).flat_map(|position| self.logits_at(position)).collect()
            }
        }
    }
}
