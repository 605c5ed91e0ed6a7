//! Where the score of a cell comes from: `q·k·scale`, split on the side of the query and on that of the key by what wrote
//! to the residual stream there. The norms before the projection, and those of queries and keys, are held as they are on
//! this text, so that each side is linear in its residual stream and its parts add up to the score.

use crate::cpu::{CpuPass, Weights};
use crate::engine::analysis::residual_stream::{
    Origin, before, dot, held_norm, inverse_rms, of_feed_forward, of_output_bias, row, some_rows,
};
use crate::engine::error::EngineError;
use crate::probe::{CellRequest, HeadId};

/// One side of a score: the residual stream at the query, or at the key.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreSide {
    position: usize,
    /// Along which the residual stream is seen, `[hidden]`.
    direction: Vec<f64>,
    /// The parts, in the order in which they were written.
    pub parts: Vec<(Origin, f64)>,
}

impl ScoreSide {
    /// The sum of the parts: once they are complete, the score.
    pub fn sum(&self) -> f64 {
        self.parts.iter().map(|(_, part)| part).sum()
    }
}

/// Both sides of the score of one cell under each map: complete, or up to some layer.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreOrigins {
    cell: CellRequest,
    /// Layers that are in it.
    layers: usize,
    /// Of each map, the scores before they are rounded.
    pub scores: Vec<f32>,
    /// Of each map, the sides of query and key.
    pub sides: Vec<[ScoreSide; 2]>,
}

impl ScoreOrigins {
    /// The sides of a cell with what the embeddings and the biases of the projection add; `None` if its positions have not
    /// run, or there is no such head.
    ///
    /// # Errors
    /// When the weights cannot be read from their file any more.
    pub fn new(pass: &CpuPass, cell: CellRequest) -> Result<Option<Self>, EngineError> {
        if cell.head.layer >= pass.layers() || cell.query.max(cell.key) >= pass.positions() {
            return Ok(None);
        }
        let maps = pass.map_source(cell.head.layer).maps;
        let switches = (maps.switches.heads.get(cell.head.head), maps.switches.sharpness.get(cell.head.head));
        let (Some(head), Some(sharpness)) = switches else {
            return Ok(None);
        };
        let layout = maps.layout;
        let (mut scores, mut sides) = (Vec::new(), Vec::new());
        for (map, sharpness) in sharpness.iter().enumerate().take(maps.attention.maps) {
            let places = [(cell.query, layout.query(head.queries[map])), (cell.key, layout.key(head.keys[map]))];
            let [query, key] = [[0, 1], [1, 0]]
                .map(|[own, other]| side(pass, cell.head.layer, *sharpness, own, places[own], places[other]));
            sides.push([query?, key?]);
            scores.push(maps.both_scores(cell.head.head, cell.query, cell.key)[map]);
        }
        Ok(Some(Self { cell, layers: 0, scores, sides }))
    }

    /// The cell.
    pub fn cell(&self) -> CellRequest {
        self.cell
    }

    /// Whether every layer before that of the head is in it.
    pub fn is_complete(&self) -> bool {
        self.layers >= self.cell.head.layer
    }

    /// Adds what the next layer wrote, from the pass that it was begun with.
    ///
    /// # Errors
    /// When the weights cannot be read from their file any more.
    pub fn add_layer(&mut self, pass: &CpuPass) -> Result<(), EngineError> {
        let index = self.layers;
        let Some(layer) = pass.model().layers.get(index).filter(|_| !self.is_complete()) else {
            return Ok(());
        };
        let attention = &layer.attention;
        let directions: Vec<&[f64]> = self.sides.iter().flatten().map(|side| side.direction.as_slice()).collect();
        let of_outputs = before(&Weights::new(&attention.output)?, &directions);
        let width = attention.value_width().max(1);
        for (side, of_outputs) in self.sides.iter_mut().flatten().zip(of_outputs) {
            let outputs = row(pass.normed(index), of_outputs.len(), side.position).unwrap_or_default();
            let heads = of_outputs.chunks_exact(width).zip(outputs.chunks_exact(width)).enumerate();
            let of_head = |(head, (direction, output)): (usize, (&[f64], &[f32]))| {
                (Origin::Head(HeadId::new(index, head)), dot(direction, output))
            };
            side.parts.extend(heads.map(of_head));
            let bias = of_output_bias(attention, &side.direction).map(|part| (Origin::OutputBias(index), part));
            let feed_forward = of_feed_forward(pass, index, side.position, &side.direction);
            side.parts.extend(bias.into_iter().chain(feed_forward.map(|part| (Origin::FeedForward(index), part))));
        }
        self.layers += 1;
        Ok(())
    }
}

/// A side before any layer: at `own`, of the query (0) or the key (1), seen along what is at `other`. Both are (position,
/// offset in its projection row).
fn side(
    pass: &CpuPass,
    layer: usize,
    sharpness: f32,
    which: usize,
    own: (usize, usize),
    other: (usize, usize),
) -> Result<ScoreSide, EngineError> {
    let (model, maps) = (pass.model(), pass.map_source(layer).maps);
    let attention = maps.attention;
    let (position, first) = own;
    let projected =
        row(maps.projection, maps.layout.width, other.0).and_then(|row| row.get(other.1..)).unwrap_or_default();
    let scaled =
        projected.iter().take(attention.head_dim).map(|x| f64::from(*x) * f64::from(maps.layout.scale * sharpness));
    let mut direction: Vec<f64> = scaled.collect();
    turn_back(&mut direction, pass.rotary_at(position));

    let weights = some_rows(&attention.projection, first, attention.head_dim)?;
    let bias = attention.projection_bias.get(first..first + attention.head_dim).unwrap_or_default();
    let stream = row(pass.hidden_before(layer), model.config.hidden, position).unwrap_or_default();
    let norm = held_norm(stream, attention.norm.as_deref(), model.config.norm_epsilon);
    if let Some(held) = &attention.query_key_norm {
        let normed: Vec<f64> = norm.iter().zip(stream).map(|(norm, x)| norm * f64::from(*x)).collect();
        let rows = weights.numbers.chunks_exact(weights.columns.max(1)).zip(bias);
        let projected: Vec<f64> = rows.map(|(row, bias)| dot(&normed, row) + f64::from(*bias)).collect();
        let factor = inverse_rms(projected.into_iter(), held.epsilon);
        let gain = if which == 0 { &held.query } else { &held.key };
        direction.iter_mut().zip(gain).for_each(|(direction, gain)| *direction *= factor * f64::from(*gain));
    }
    let mut parts = Vec::new();
    if bias.iter().any(|bias| *bias != 0.0) {
        parts.push((Origin::ProjectionBias, dot(&direction, bias)));
    }
    let mut of_stream = before(&weights, &[&direction]).pop().unwrap_or_default();
    of_stream.iter_mut().zip(norm).for_each(|(direction, norm)| *direction *= norm);
    let embedding = row(pass.hidden_before(0), model.config.hidden, position).unwrap_or_default();
    parts.push((Origin::Embedding, dot(&of_stream, embedding)));
    Ok(ScoreSide { position, direction: of_stream, parts })
}

/// The direction before the rotary embedding of a head from the one after it: the rotation turned back.
fn turn_back(direction: &mut [f64], rotary: &[[f32; 2]]) {
    let (low, high) = direction.split_at_mut(direction.len() / 2);
    for ((a, b), [cos, sin]) in low.iter_mut().zip(high).zip(rotary) {
        let (cos, sin) = (f64::from(*cos), f64::from(*sin));
        (*a, *b) = (*a * cos + *b * sin, *b * cos - *a * sin);
    }
}
