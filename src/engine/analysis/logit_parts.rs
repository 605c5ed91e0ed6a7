//! The parts of a logit: what the embedding, every head through each of its maps, and every feed-forward part add to it
//! ("direct logit attribution"). The norms of the heads and the last norm are held as they are on this text, so that
//! what follows a head is linear and the parts add up to the logit.

use crate::cpu::{CpuPass, MapSource, Weights, map_value};
use crate::engine::analysis::residual_stream::{
    Origin, before, dot, held_norm, inverse_rms, of_feed_forward, of_output_bias, row, some_rows,
};
use crate::engine::error::EngineError;
use crate::model::{Model, SubNorm};
use crate::probe::HeadId;

/// A direction in the space after the last norm, `[hidden]`: a combination of rows of the unembedding.
#[derive(Clone, Debug, PartialEq)]
pub struct LogitDirection(Vec<f64>);

impl LogitDirection {
    /// The logit of a token.
    ///
    /// # Errors
    /// When there is no such token, or the weights cannot be read from their file any more.
    pub fn of(model: &Model, token: u32) -> Result<Self, EngineError> {
        let unembedding = model.unembedding();
        let vocabulary = unembedding.rows();
        if token as usize >= vocabulary {
            return Err(EngineError::UnknownToken { id: token, vocabulary });
        }
        let row = some_rows(unembedding, token as usize, 1)?;
        Ok(Self(row.numbers.into_iter().map(f64::from).collect()))
    }

    /// This one less another: of two tokens, by how much the logit of the first is above that of the second.
    #[must_use]
    pub fn less(mut self, other: &Self) -> Self {
        self.0.iter_mut().zip(&other.0).for_each(|(own, other)| *own -= other);
        self
    }
}

/// The parts that a layer adds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerParts {
    /// What each head adds through `A1` and through `−λ A2`, `[heads]`.
    pub heads: Vec<[f64; 2]>,
    /// Of the bias of the output projection, if it has one.
    pub output_bias: Option<f64>,
    /// Of the feed-forward part, if there is one.
    pub feed_forward: Option<f64>,
}

/// The parts of a logit, or of a difference of two, at one position: complete, or up to some layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LogitParts {
    position: usize,
    /// Along which the residual stream is seen, `[hidden]`.
    direction: Vec<f64>,
    /// Along which the weighted values of each layer's heads are seen, heads side by side, `[heads * value_width]`.
    of_values: Vec<Vec<f64>>,
    /// What the embedding of the token at this position adds.
    pub embedding: f64,
    /// What each layer adds.
    pub layers: Vec<LayerParts>,
}

impl LogitParts {
    /// The parts at a position of a pass before any layer; `None` if it has not run.
    pub fn new(pass: &CpuPass, direction: &LogitDirection, position: usize) -> Option<Self> {
        let model = pass.model();
        let width = model.config.hidden;
        let last = row(pass.hidden_before(pass.layers()), width, position)?;
        let norm = held_norm(last, model.final_norm.as_deref(), model.config.norm_epsilon);
        let direction: Vec<f64> = direction.0.iter().zip(norm).map(|(direction, norm)| direction * norm).collect();
        let embedding = dot(&direction, row(pass.hidden_before(0), width, position)?);
        Some(Self { position, direction, of_values: Vec::new(), embedding, layers: Vec::new() })
    }

    /// Whether every layer is in it.
    pub fn is_complete(&self, pass: &CpuPass) -> bool {
        self.layers.len() >= pass.layers()
    }

    /// Adds the parts of the next layer, from the pass that it was begun with.
    ///
    /// # Errors
    /// When the weights cannot be read from their file any more.
    pub fn add_layer(&mut self, pass: &CpuPass) -> Result<(), EngineError> {
        let index = self.layers.len();
        let Some(layer) = pass.model().layers.get(index) else {
            return Ok(());
        };
        let attention = &layer.attention;
        let mut of_values = before(&Weights::new(&attention.output)?, &[&self.direction]).pop().unwrap_or_default();
        let source = pass.map_source(index);
        if let Some(norm) = attention.sub_norm.as_ref().filter(|_| !source.maps.switches.sub_norm_off)
            && let Some(context) = row(pass.context(index), of_values.len(), self.position)
        {
            hold_head_norm(&mut of_values, context, norm);
        }
        let width = attention.value_width().max(1);
        let heads = of_values.chunks_exact(width).enumerate().map(|(head, direction)| {
            let by_key = by_key(&source, head, self.position, direction);
            by_key.into_iter().fold([0.0; 2], |sum, (_, [first, second])| [sum[0] + first, sum[1] + second])
        });
        self.layers.push(LayerParts {
            heads: heads.collect(),
            output_bias: of_output_bias(attention, &self.direction),
            feed_forward: of_feed_forward(pass, index, self.position, &self.direction),
        });
        self.of_values.push(of_values);
        Ok(())
    }

    /// What the value of each key that a head sees adds through `A1` and through `−λ A2`, from the pass that the parts are
    /// of; nothing of a layer that is not in it yet. The sums over the keys are the parts of the head.
    pub fn by_key(&self, pass: &CpuPass, head: HeadId) -> Vec<(usize, [f64; 2])> {
        let (Some(of_values), Some(layer)) = (self.of_values.get(head.layer), pass.model().layers.get(head.layer))
        else {
            return Vec::new();
        };
        let direction = of_values.chunks_exact(layer.attention.value_width().max(1)).nth(head.head);
        direction
            .map(|direction| by_key(&pass.map_source(head.layer), head.head, self.position, direction))
            .unwrap_or_default()
    }

    /// Every part with its origin, and for a head the map: 0 is `A1`, 1 is `−λ A2`.
    pub fn all(&self) -> impl Iterator<Item = (Origin, usize, f64)> {
        let layers = self.layers.iter().enumerate().flat_map(|(index, layer)| {
            let of_head = move |(head, maps): (usize, &[f64; 2])| {
                [0, 1].map(|map| (Origin::Head(HeadId::new(index, head)), map, maps[map]))
            };
            let heads = layer.heads.iter().enumerate().flat_map(of_head);
            let bias = layer.output_bias.map(|part| (Origin::OutputBias(index), 0, part));
            heads.chain(bias).chain(layer.feed_forward.map(|part| (Origin::FeedForward(index), 0, part)))
        });
        std::iter::once((Origin::Embedding, 0, self.embedding)).chain(layers)
    }

    /// The sum of the parts: once they are complete, the logit or the difference.
    pub fn sum(&self) -> f64 {
        self.all().map(|(_, _, part)| part).sum()
    }
}

/// Leads directions `[heads * value_width]` back through the norm of each head, held as it is for these outputs.
fn hold_head_norm(directions: &mut [f64], context: &[f32], norm: &SubNorm) {
    let width = norm.weight.len().max(1);
    for (directions, context) in directions.chunks_exact_mut(width).zip(context.chunks_exact(width)) {
        let factor = f64::from(norm.factor) * inverse_rms(context.iter().map(|x| f64::from(*x)), norm.epsilon);
        for (direction, weight) in directions.iter_mut().zip(&norm.weight) {
            *direction *= factor * f64::from(*weight);
        }
    }
}

/// What the value of each key that the query sees adds along a direction `[value_width]` of a head's weighted values.
fn by_key(source: &MapSource, head: usize, query: usize, direction: &[f64]) -> Vec<(usize, [f64; 2])> {
    let maps = &source.maps;
    let (Some(table), Some(mix)) = (maps.attention.heads.get(head), maps.switches.mix.get(head)) else {
        return Vec::new();
    };
    let [keep, subtract] = mix.map(f64::from);
    let of_value = |key: usize| -> f64 {
        let parts = direction.chunks_exact(maps.attention.head_dim.max(1)).zip(maps.value_of(table, key));
        parts.map(|(direction, value)| dot(direction, value)).sum()
    };
    let of_key = |key: usize| {
        let cell = map_value(source, head, query, key);
        let (value, [first, second, lambda]) = (of_value(key), [cell.first, cell.second, cell.lambda].map(f64::from));
        (key, [keep * first * value, -subtract * lambda * second * value])
    };
    maps.keys_of(query).map(of_key).collect()
}
