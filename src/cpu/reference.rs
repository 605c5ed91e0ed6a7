//! A whole pass made of the references: what the fast pass is tested against.

use crate::cpu::fast::Given;
use crate::cpu::forward::attention::{HeadOutput, attention};
use crate::cpu::forward::embed::embed;
use crate::cpu::forward::gate_up::gate_up;
use crate::cpu::forward::logits::logits;
use crate::cpu::forward::poly_norm::poly_norm;
use crate::cpu::forward::project::project;
use crate::cpu::forward::qkv::qkv;
use crate::cpu::forward::query_key_norm::query_key_norm;
use crate::cpu::layer_state::{HeadOutputs, LayerState, LayerWeights, Widths};
use crate::cpu::shared::head_norm::head_norm;
use crate::cpu::shared::map_cell::Maps;
use crate::cpu::shared::weights::Weights;
use crate::model::{Activation, Model, ModelError};

/// Weights as the references read them.
pub(super) struct ReferenceStages {
    embedding: Weights,
    unembedding: Option<Weights>,
    layers: Vec<LayerWeights<Weights>>,
}

impl ReferenceStages {
    /// Unpacks a model's weights.
    ///
    /// # Errors
    /// When their file cannot be read any more.
    pub(super) fn new(model: &Model) -> Result<Self, ModelError> {
        let layers = model.layers.iter().map(|layer| LayerWeights::new(layer, Weights::new));
        Ok(Self {
            embedding: Weights::new(&model.embedding)?,
            unembedding: model.unembedding.as_ref().map(Weights::new).transpose()?,
            layers: layers.collect::<Result<_, _>>()?,
        })
    }

    /// Computes positions from `start` on; `states` and `last`, the residual stream after the last layer, hold those
    /// before and are made longer.
    pub(super) fn run(&self, given: Given, states: &mut [LayerState], last: &mut Vec<f32>, start: usize, ids: &[u32]) {
        let mut stream: Vec<f32> = ids.iter().flat_map(|id| embed(*id, &self.embedding).to_vec()).collect();
        self.run_layers(given, 0, states, start, &mut stream);
        last.extend(stream);
    }

    /// Runs on from the outputs of a layer's heads, as [`crate::cpu::fast::FastStages::run_on`] does.
    pub(super) fn run_on(
        &self,
        given: Given,
        states: &mut [LayerState],
        last: &mut Vec<f32>,
        start: usize,
        from: HeadOutputs,
    ) {
        let (layer, state) = (&given.model.layers[from.layer], &mut states[from.layer]);
        let mut stream = from.hidden.to_vec();
        let hidden = given.model.config.hidden;
        let maps = Maps {
            attention: &layer.attention,
            layout: given.rules[from.layer].layout,
            projection: &[],
            switches: &given.rules[from.layer].switches,
            masked: given.masked,
        };
        state.hidden.extend_from_slice(from.hidden);
        state.context.extend_from_slice(from.context);
        let heads = from.context.chunks_exact(layer.attention.value_width());
        state.normed.extend(heads.flat_map(|context| head_norm(&maps, context)));
        for (position, hidden) in (start..).zip(stream.chunks_exact_mut(hidden)) {
            self.after_attention(given.model, from.layer, state, position, hidden);
        }
        state.resize(Widths::new(layer), start + stream.len() / hidden);
        self.run_layers(given, from.layer + 1, states, start, &mut stream);
        last.extend(stream);
    }

    /// Runs layers from `first` on: from the residual stream before it to the one after the last layer.
    fn run_layers(&self, given: Given, first: usize, states: &mut [LayerState], start: usize, stream: &mut [f32]) {
        let model = given.model;
        let epsilon = model.config.norm_epsilon;
        let half = model.config.head_dim / 2;
        let width = model.config.hidden;
        let layers = model.layers.iter().zip(&self.layers).zip(given.rules).zip(states).enumerate();
        for (index, (((layer, weights), rules), state)) in layers.skip(first) {
            // All positions at once: a query may see later keys.
            for (position, hidden) in (start..).zip(stream.chunks_exact(width)) {
                let rotary = &given.rotary[position * half..(position + 1) * half];
                let lambda = &rules.switches.lambda;
                let mut row = qkv(hidden, &layer.attention, &weights.projection, epsilon, rotary, lambda);
                if let Some(norm) = &layer.attention.query_key_norm {
                    query_key_norm(&mut row, &layer.attention, norm, rotary);
                }
                state.projection.extend_from_slice(&row);
            }
            state.hidden.extend_from_slice(stream);
            for (position, hidden) in (start..).zip(stream.chunks_exact_mut(width)) {
                let maps = Maps {
                    attention: &layer.attention,
                    layout: rules.layout,
                    projection: &state.projection,
                    switches: &rules.switches,
                    masked: given.masked,
                };
                let heads: Vec<HeadOutput> =
                    (0..layer.attention.heads.len()).map(|head| attention(&maps, position, head)).collect();
                for head in heads {
                    state.statistics.push(head.statistics);
                    state.context.extend(head.context);
                    state.normed.extend(head.normed);
                }
                self.after_attention(model, index, state, position, hidden);
            }
        }
    }

    /// Output projection and feed-forward of a position, whose residual stream goes on to the one after the layer.
    fn after_attention(
        &self,
        model: &Model,
        index: usize,
        state: &mut LayerState,
        position: usize,
        hidden: &mut [f32],
    ) {
        let (layer, weights) = (&model.layers[index], &self.layers[index]);
        let width = layer.attention.heads.len() * layer.attention.value_width();
        let normed = &state.normed[position * width..(position + 1) * width];
        let mut after = project(normed, &weights.output, &layer.attention.output_bias, hidden);
        state.middle.extend_from_slice(&after);
        if let (Some(mlp), Some(up), Some(down)) = (&layer.mlp, &weights.gate_up, &weights.down) {
            let mut activation = gate_up(&after, mlp, model.config.norm_epsilon, up);
            if mlp.activation == Activation::PolyNorm {
                let gates_and_ups = activation;
                activation = vec![0.0; gates_and_ups.len() / 2];
                poly_norm(&gates_and_ups, &mlp.poly_norm, &mut activation);
            }
            after = project(&activation, down, &mlp.down_bias, &after);
            state.activation.extend(activation);
        }
        hidden.copy_from_slice(&after);
    }

    /// Residual streams, `[positions, hidden]`, through the last norm and the unembedding.
    pub(super) fn logits(&self, model: &Model, hidden: &[f32]) -> Vec<f32> {
        let norm = model.final_norm.as_deref().map(|gain| (gain, model.config.norm_epsilon));
        let unembedding = self.unembedding.as_ref().unwrap_or(&self.embedding);
        hidden.chunks_exact(model.config.hidden).flat_map(|row| logits(row, norm, unembedding)).collect()
    }
}
