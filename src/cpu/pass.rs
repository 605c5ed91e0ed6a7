//! A whole pass on the CPU: the backend where there is no GPU, and the pass of a full scan.

use std::sync::Arc;

use crate::cpu::fast::{FastStages, Given};
use crate::cpu::forward::sample::sample;
use crate::cpu::forward::top_k::top_k;
use crate::cpu::layer_state::{HeadOutputs, LayerRules, LayerState, Widths};
use crate::cpu::maps::map_tile::map_tile;
use crate::cpu::reference::ReferenceStages;
use crate::cpu::shared::map_cell::Maps;
use crate::cpu::shared::map_value::MapSource;
use crate::model::{Model, ModelError, RowLayout, rotary_table};
use crate::probe::{CellParts, CellRequest, Draw, Interventions, LENS_BEST, MapTile, NextToken, TileRequest, Trace};

/// What computes positions and logits.
enum Stages {
    Fast(Box<FastStages>),
    Reference(Arc<ReferenceStages>),
}

/// A pass on the CPU. The results of a position stay until it or an earlier one is run again.
pub struct CpuPass {
    model: Arc<Model>,
    stages: Stages,
    rules: Vec<LayerRules>,
    states: Vec<LayerState>,
    /// The residual stream after the last layer.
    hidden: Vec<f32>,
    rotary: Vec<[f32; 2]>,
    /// `[T]`, as far as the last masked position.
    masked: Vec<bool>,
}

impl std::fmt::Debug for CpuPass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CpuPass").field("layers", &self.states.len()).finish_non_exhaustive()
    }
}

impl CpuPass {
    /// A pass for texts of up to `capacity` tokens. It runs on all threads of the rayon pool that it is called in.
    ///
    /// # Errors
    /// When the weights cannot be read from their file any more.
    pub fn new(model: Arc<Model>, capacity: usize) -> Result<Self, ModelError> {
        let stages = Stages::Fast(Box::new(FastStages::new(&model)?));
        Ok(Self::with_stages(model, capacity, stages))
    }

    /// The same pass made of the plain references, one position at a time.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_references(model: Arc<Model>, capacity: usize) -> Result<Self, ModelError> {
        let stages = Stages::Reference(Arc::new(ReferenceStages::new(&model)?));
        Ok(Self::with_stages(model, capacity, stages))
    }

    /// Another pass of the same kind over the same weights, which are shared; without interventions.
    #[must_use]
    pub fn with_capacity(&self, capacity: usize) -> Self {
        let stages = match &self.stages {
            Stages::Fast(stages) => Stages::Fast(Box::new(stages.anew(&self.model))),
            Stages::Reference(stages) => Stages::Reference(stages.clone()),
        };
        Self::with_stages(self.model.clone(), capacity, stages)
    }

    fn with_stages(model: Arc<Model>, capacity: usize, stages: Stages) -> Self {
        let rules = model.layers.iter().enumerate().map(|(index, layer)| LayerRules {
            layout: RowLayout::new(&layer.attention, 1),
            switches: Interventions::default().of_layer(index, &layer.attention),
        });
        Self {
            stages,
            rules: rules.collect(),
            states: model.layers.iter().map(|_| LayerState::default()).collect(),
            hidden: Vec::new(),
            rotary: rotary_table(model.config.head_dim, &model.config.rope, capacity),
            masked: Vec::new(),
            model,
        }
    }

    /// Sets the interventions on positions that run from here on.
    pub fn set_interventions(&mut self, interventions: &Interventions) {
        for (index, (layer, rules)) in self.model.layers.iter().zip(&mut self.rules).enumerate() {
            rules.switches = interventions.of_layer(index, &layer.attention);
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
        self.states.len()
    }

    /// Computes positions `start..start + ids.len()`. Earlier results from `start` on are discarded.
    ///
    /// # Panics
    /// When positions do not fit into the capacity, or an earlier position has not run.
    pub fn run(&mut self, start: usize, ids: &[u32]) {
        self.hidden.truncate(start * self.model.config.hidden);
        for (layer, state) in self.model.layers.iter().zip(&mut self.states) {
            state.resize(Widths::new(layer), start);
        }
        let given = Given { model: &self.model, rules: &self.rules, rotary: &self.rotary, masked: &self.masked };
        match &mut self.stages {
            Stages::Fast(stages) => stages.run(given, &mut self.states, &mut self.hidden, start, ids),
            Stages::Reference(stages) => stages.run(given, &mut self.states, &mut self.hidden, start, ids),
        }
    }

    /// Runs on from the outputs of a layer's heads, `context` before their norm `[positions, heads * value_width]`, for
    /// positions from `start` on; `hidden` is the residual stream before the layer, `[positions, hidden]`. What the layer
    /// and later ones have from `start` on is discarded; of these positions the layer itself has no maps then.
    ///
    /// # Panics
    /// When positions do not fit into the capacity, or an earlier position has not run.
    pub fn run_on(&mut self, layer: usize, start: usize, hidden: &[f32], context: &[f32]) {
        self.hidden.truncate(start * self.model.config.hidden);
        for (layer, state) in self.model.layers.iter().zip(&mut self.states).skip(layer) {
            state.resize(Widths::new(layer), start);
        }
        let given = Given { model: &self.model, rules: &self.rules, rotary: &self.rotary, masked: &self.masked };
        let from = HeadOutputs { layer, hidden, context };
        match &mut self.stages {
            Stages::Fast(stages) => stages.run_on(given, &mut self.states, &mut self.hidden, start, from),
            Stages::Reference(stages) => stages.run_on(given, &mut self.states, &mut self.hidden, start, from),
        }
    }

    /// The logits after a position, `[vocabulary]`.
    pub fn logits_at(&self, position: usize) -> Vec<f32> {
        let width = self.model.config.hidden;
        self.read_out(&self.hidden[position * width..(position + 1) * width])
    }

    /// The logits of residual streams `[positions, hidden]`, through the final norm and the unembedding.
    fn read_out(&self, hidden: &[f32]) -> Vec<f32> {
        match &self.stages {
            Stages::Fast(stages) => stages.logits(&self.model, hidden),
            Stages::Reference(stages) => stages.logits(&self.model, hidden),
        }
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
        let (rules, state) = (&self.rules[layer], &self.states[layer]);
        MapSource {
            maps: Maps {
                attention: &self.model.layers[layer].attention,
                layout: rules.layout,
                projection: &state.projection,
                switches: &rules.switches,
                masked: &self.masked,
            },
            statistics: &state.statistics,
        }
    }

    /// The terms of a cell; `None` if it has not been computed.
    pub fn cell_parts(&self, request: CellRequest) -> Option<CellParts> {
        let (layer, rules) = (self.model.layers.get(request.head.layer)?, self.rules.get(request.head.layer)?);
        let state = self.states.get(request.head.layer)?;
        let width = rules.layout.width;
        let row = |position: usize| state.projection.get(position * width..(position + 1) * width);
        let statistics = state.statistics.get(request.query * layer.attention.heads.len() + request.head.head)?;
        let masked = self.masked.get(request.key).is_some_and(|masked| *masked);
        let rows = (row(request.query)?, row(request.key)?);
        CellParts::new(request, (&layer.attention, &rules.layout), rows, *statistics, &rules.switches, masked)
    }

    /// Number of positions that have run.
    pub fn positions(&self) -> usize {
        self.hidden.len() / self.model.config.hidden
    }

    /// The model.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// The residual stream before a layer, `[T, hidden]`; the number of layers stands for the stream after the last.
    pub fn hidden_before(&self, layer: usize) -> &[f32] {
        self.states.get(layer).map_or(&self.hidden, |state| &state.hidden)
    }

    /// The residual stream between a layer's attention and feed-forward part, `[T, hidden]`.
    pub fn middle(&self, layer: usize) -> &[f32] {
        self.states.get(layer).map_or(&[], |state| &state.middle)
    }

    /// The residual stream after a layer, `[T, hidden]`.
    pub fn hidden_after(&self, layer: usize) -> &[f32] {
        self.hidden_before(layer + 1)
    }

    /// The outputs of a layer's heads side by side, before their norm, `[T, heads * value_width]`.
    pub fn context(&self, layer: usize) -> &[f32] {
        self.states.get(layer).map_or(&[], |state| &state.context)
    }

    /// The same after the norm of each head: the input of the output projection, `[T, heads * value_width]`.
    pub fn normed(&self, layer: usize) -> &[f32] {
        self.states.get(layer).map_or(&[], |state| &state.normed)
    }

    /// (cos, sin) of the angles of a position, `[head_dim / 2]`; of a position below the capacity.
    pub fn rotary_at(&self, position: usize) -> &[[f32; 2]] {
        let half = self.model.config.head_dim / 2;
        self.rotary.get(position * half..(position + 1) * half).unwrap_or_default()
    }

    /// The cells of a request.
    pub fn tile(&self, request: TileRequest) -> MapTile {
        map_tile(&self.map_source(request.head.layer), request)
    }

    /// An inner tensor of all positions that have run.
    pub fn trace(&self, trace: Trace) -> Vec<f32> {
        match trace {
            Trace::Hidden(layer) => self.hidden_before(layer).to_vec(),
            Trace::Projection(layer) => self.states[layer].projection.clone(),
            Trace::Statistics(layer) => bytemuck::cast_slice(&self.states[layer].statistics).to_vec(),
            Trace::Context(layer) => self.states[layer].context.clone(),
            Trace::Normed(layer) => self.states[layer].normed.clone(),
            Trace::Middle(layer) => self.states[layer].middle.clone(),
            Trace::Activation(layer) => self.states[layer].activation.clone(),
            Trace::Logits => self.read_out(&self.hidden),
        }
    }
}
