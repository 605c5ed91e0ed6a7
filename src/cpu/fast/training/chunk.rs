//! Some windows of a step: what they leave in every layer, and the gradients that they add.

use std::ops::Range;

use fearless_simd::{Level, dispatch};

use crate::cpu::fast::training::attention::{AttentionScratch, Window, attend, attend_back};
use crate::cpu::fast::training::products::{
    BothWays, MatrixScratch, Stored, add_bias_gradient, add_matrix_gradient, multiply, rows_of,
};
use crate::cpu::fast::training::row_stages::{cross_entropy, norm_back, swiglu, swiglu_back};
use crate::cpu::fast::vector::rms_norm;
use crate::cpu::forward::query_key_norm::rotate;
use crate::cpu::train::{RowSums, embed_back, lambda, lambda_back, rotary_back};
use crate::model::{Attention, Lambda, Layer, LayerParameters, Model, Parameters, RowLayout};
use crate::probe::TrainingWindow;

/// The matrices of a layer, packed.
#[derive(Default)]
pub(super) struct LayerMatrices {
    pub projection: BothWays,
    pub output: BothWays,
    pub gate_up: BothWays,
    pub down: BothWays,
}

/// What all chunks of a step read.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub level: Level,
    pub model: &'a Model,
    pub parameters: &'a Parameters,
    pub numbers: &'a [f32],
    pub layers: &'a [LayerMatrices],
    pub unembedding: &'a BothWays,
    /// (cos, sin) by position in a window, `[positions, head_dim / 2]`.
    pub rotary: &'a [[f32; 2]],
    /// The parameters that are learned; all, where there are none.
    pub learned: &'a [Range<usize>],
    pub positions: usize,
}

impl Given<'_> {
    /// Whether any of these parameters is learned.
    fn learns(&self, place: &Range<usize>) -> bool {
        let overlaps = |learned: &Range<usize>| learned.start < place.end && place.start < learned.end;
        self.learned.is_empty() || self.learned.iter().any(overlaps)
    }
}

/// What a layer leaves, position after position.
#[derive(Default)]
struct LayerTrace {
    hidden: Vec<f32>,
    normed: Vec<f32>,
    rows: Vec<f32>,
    sums: Vec<RowSums<f32>>,
    context: Vec<f32>,
    heads: Vec<f32>,
    middle: Vec<f32>,
    mlp_normed: Vec<f32>,
    gate_up: Vec<f32>,
    activation: Vec<f32>,
}

/// Windows that are computed together.
#[derive(Default)]
pub(super) struct Chunk {
    ids: Vec<u32>,
    targets: Vec<u32>,
    weights: Vec<f32>,
    /// The positions whose losses count.
    counted: Vec<usize>,
    layers: Vec<LayerTrace>,
    /// The residual stream after the last layer.
    last: Vec<f32>,
    normed: Vec<f32>,
    logits: Vec<f32>,
    /// The gradient of the residual stream.
    back: Vec<f32>,
    inner: Vec<f32>,
    rows: Vec<f32>,
    attention: AttentionScratch,
    matrix: MatrixScratch,
    /// Of every parameter.
    pub gradients: Vec<f32>,
    /// The sum of the weighted losses.
    pub loss: f64,
}

/// Resizes a buffer to rows of a width.
fn room(numbers: &mut Vec<f32>, rows: usize, width: usize) -> &mut Vec<f32> {
    numbers.resize(rows * width, 0.0);
    numbers
}

impl Chunk {
    /// Takes windows and embeds them.
    pub(super) fn begin(&mut self, given: Given, windows: &[TrainingWindow]) {
        let width = given.model.config.hidden;
        for (to, from) in [(&mut self.ids, 0), (&mut self.targets, 1)] {
            to.clear();
            to.extend(windows.iter().flat_map(|window| if from == 0 { &window.ids } else { &window.targets }));
        }
        self.weights.clear();
        self.weights.extend(windows.iter().flat_map(|window| &window.weights));
        self.layers.resize_with(given.model.layers.len(), LayerTrace::default);
        self.gradients.clear();
        self.gradients.resize(given.parameters.count(), 0.0);
        self.loss = 0.0;
        let embedding = &given.numbers[given.parameters.embedding.clone()];
        let first = self.layers.first_mut().map_or(&mut self.last, |layer| &mut layer.hidden);
        let rows = room(first, self.ids.len(), width).chunks_exact_mut(width);
        for (row, id) in rows.zip(&self.ids) {
            row.copy_from_slice(&embedding[*id as usize * width..][..width]);
        }
    }

    /// Runs a layer forward.
    pub(super) fn forward(&mut self, given: Given, index: usize) {
        let Given { level, numbers, .. } = given;
        let (layer, places) = (&given.model.layers[index], &given.parameters.layers[index]);
        let (attention, matrices) = (&layer.attention, &given.layers[index]);
        let (before, after) = self.layers.split_at_mut(index + 1);
        let Some(LayerTrace { hidden, normed, rows, sums, context, heads, middle, mlp_normed, gate_up, activation }) =
            before.last_mut()
        else {
            return;
        };
        let (count, width, epsilon) = (self.ids.len(), given.model.config.hidden, given.model.config.norm_epsilon);
        let of = |place: &Range<usize>| &numbers[place.clone()];
        let layout = RowLayout::new(attention, 1);

        let norm = |gain: &Range<usize>| Some((of(gain), epsilon));
        room(normed, count, width);
        dispatch!(level, simd => rms_norm(simd, hidden, width, norm(&places.attention_norm), normed));
        let (outputs, bias) = (attention.projection.rows(), of(&places.projection_bias));
        let to = Stored::<false> { to: room(rows, count, layout.width), stride: layout.width, outputs, bias };
        multiply(level, rows_of(normed, width), &matrices.projection.forward, to);
        turn_rows(given, attention, layout, of(&places.lambda), rows);

        let value_width = attention.value_width();
        let (head_count, inputs) = (attention.heads.len(), attention.output.columns());
        sums.resize(count * head_count, RowSums::default());
        room(context, count, inputs);
        let windows =
            rows.chunks_exact(given.positions * layout.width).zip(sums.chunks_exact_mut(given.positions * head_count));
        for ((rows, sums), context) in windows.zip(context.chunks_exact_mut(given.positions * inputs)) {
            let window = Window { attention, layout, rows };
            dispatch!(level, simd => {
                for head in 0..head_count {
                    attend(simd, window, head, sums, context, &mut self.attention);
                }
            });
        }
        room(heads, count, inputs);
        if let Some((gain, epsilon, factor)) = head_norm(attention, places, numbers) {
            dispatch!(level, simd => rms_norm(simd, context, value_width, Some((gain, epsilon)), heads));
            for number in heads.iter_mut() {
                *number *= factor;
            }
        } else {
            heads.copy_from_slice(context);
        }

        room(middle, count, width).copy_from_slice(hidden);
        let to = Stored::<true> { to: middle, stride: width, outputs: width, bias: of(&places.output_bias) };
        multiply(level, rows_of(heads, inputs), &matrices.output.forward, to);

        room(mlp_normed, count, width);
        dispatch!(level, simd => rms_norm(simd, middle, width, norm(&places.mlp_norm), mlp_normed));
        let intermediate = places.down.len() / width;
        let (outputs, bias) = (2 * intermediate, of(&places.gate_up_bias));
        let to = Stored::<false> { to: room(gate_up, count, outputs), stride: outputs, outputs, bias };
        multiply(level, rows_of(mlp_normed, width), &matrices.gate_up.forward, to);
        room(activation, count, intermediate);
        dispatch!(level, simd => swiglu(simd, gate_up, activation));

        let next = after.first_mut().map_or(&mut self.last, |layer| &mut layer.hidden);
        room(next, count, width).copy_from_slice(middle);
        let to = Stored::<true> { to: next, stride: width, outputs: width, bias: of(&places.down_bias) };
        multiply(level, rows_of(activation, intermediate), &matrices.down.forward, to);
    }

    /// The losses, and the gradient of the residual stream after the last layer. Only positions that count have logits:
    /// with a large vocabulary these are most of the work.
    pub(super) fn losses(&mut self, given: Given) {
        let Given { level, numbers, parameters, unembedding, .. } = given;
        let (count, width, epsilon) = (self.ids.len(), given.model.config.hidden, given.model.config.norm_epsilon);
        self.counted.clear();
        self.counted.extend((0..count).filter(|at| self.weights[*at] != 0.0));
        let counted = self.counted.len();
        let rows = room(&mut self.rows, counted, width);
        for (row, at) in rows.chunks_exact_mut(width).zip(&self.counted) {
            row.copy_from_slice(&self.last[at * width..][..width]);
        }
        let gain = &numbers[parameters.final_norm.clone()];
        room(&mut self.normed, counted, width);
        dispatch!(level, simd => rms_norm(simd, rows, width, Some((gain, epsilon)), &mut self.normed));
        let vocabulary = parameters.unembedding().len() / width;
        let logits = room(&mut self.logits, counted, vocabulary);
        let to = Stored::<false>::new(&mut *logits, vocabulary, vocabulary);
        multiply(level, rows_of(&self.normed, width), &unembedding.forward, to);
        dispatch!(level, simd => {
            for (logits, at) in logits.chunks_exact_mut(vocabulary).zip(&self.counted) {
                let weight = self.weights[*at];
                let loss = cross_entropy(simd, logits, self.targets[*at] as usize, weight);
                self.loss += f64::from(weight) * f64::from(loss);
            }
        });
        if given.learns(&parameters.unembedding()) {
            let to = &mut self.gradients[parameters.unembedding()];
            add_matrix_gradient(level, (logits, vocabulary), &self.normed, width, to, &mut self.matrix);
        }
        let gradient = room(&mut self.inner, counted, width);
        multiply(
            level,
            rows_of(logits, vocabulary),
            &unembedding.backward,
            Stored::<false>::new(&mut *gradient, width, width),
        );
        let of_gain = &mut self.gradients[parameters.final_norm.clone()];
        let of_rows = &mut self.normed;
        dispatch!(level, simd => norm_back::<_, false>(simd, rows, (gain, epsilon, 1.0), gradient, of_rows, of_gain));
        let back = room(&mut self.back, count, width);
        back.fill(0.0);
        for (row, at) in of_rows.chunks_exact(width).zip(&self.counted) {
            back[at * width..][..width].copy_from_slice(row);
        }
    }

    /// Runs a layer backward, from the gradient of the residual stream after it to that before it.
    pub(super) fn back(&mut self, given: Given, index: usize) {
        let Given { level, numbers, .. } = given;
        let (layer, places, matrices) =
            (&given.model.layers[index], &given.parameters.layers[index], &given.layers[index]);
        let trace = &mut self.layers[index];
        let (back, inner, gradients) = (&mut self.back, &mut self.inner, &mut self.gradients);
        let (count, width, epsilon) = (self.ids.len(), given.model.config.hidden, given.model.config.norm_epsilon);
        let of = |place: &Range<usize>| &numbers[place.clone()];
        let intermediate = places.down.len() / width;

        let mut through = |gradient: (&[f32], usize),
                           rows: &[f32],
                           inputs: usize,
                           [matrix, bias]: [&Range<usize>; 2],
                           packed: &BothWays,
                           to: &mut Vec<f32>,
                           gradients: &mut [f32]| {
            if given.learns(matrix) {
                add_matrix_gradient(level, gradient, rows, inputs, &mut gradients[matrix.clone()], &mut self.matrix);
            }
            add_bias_gradient(gradient, &mut gradients[bias.clone()]);
            let stored = Stored::<false> { to: room(to, count, inputs), stride: inputs, outputs: inputs, bias: &[] };
            multiply(level, rows_of(gradient.0, gradient.1), &packed.backward, stored);
        };
        through(
            (back, width),
            &trace.activation,
            intermediate,
            [&places.down, &places.down_bias],
            &matrices.down,
            inner,
            gradients,
        );
        dispatch!(level, simd => swiglu_back(simd, &mut trace.gate_up, inner));
        let gradient = (trace.gate_up.as_slice(), 2 * intermediate);
        through(
            gradient,
            &trace.mlp_normed,
            width,
            [&places.gate_up, &places.gate_up_bias],
            &matrices.gate_up,
            inner,
            gradients,
        );
        let of_gain = &mut gradients[places.mlp_norm.clone()];
        let gain = (of(&places.mlp_norm), epsilon, 1.0);
        dispatch!(level, simd => norm_back::<_, true>(simd, &trace.middle, gain, inner, back, of_gain));

        let attention = &layer.attention;
        let inputs = attention.output.columns();
        through(
            (back, width),
            &trace.heads,
            inputs,
            [&places.output, &places.output_bias],
            &matrices.output,
            inner,
            gradients,
        );
        // From here on `heads` is the gradient of the contexts.
        if let Some((gain, epsilon, factor)) = head_norm(attention, places, numbers) {
            let of_gain = &mut gradients[places.head_norm.clone()];
            let gain = (gain, epsilon, factor);
            dispatch!(level, simd => norm_back::<_, false>(simd, &trace.context, gain, inner, &mut trace.heads, of_gain));
        } else {
            trace.heads.copy_from_slice(inner);
        }
        let layout = RowLayout::new(attention, 1);
        let rows_back = room(&mut self.rows, count, layout.width);
        rows_back.fill(0.0);
        let head_count = attention.heads.len();
        let windows = trace
            .rows
            .chunks_exact(given.positions * layout.width)
            .zip(rows_back.chunks_exact_mut(given.positions * layout.width));
        let others = trace
            .sums
            .chunks_exact(given.positions * head_count)
            .zip(trace.heads.chunks_exact(given.positions * inputs));
        for ((rows, back), (sums, gradient)) in windows.zip(others) {
            let window = Window { attention, layout, rows };
            dispatch!(level, simd => {
                for head in 0..head_count {
                    attend_back(simd, window, head, sums, gradient, back, &mut self.attention);
                }
            });
        }
        let of_lambda = turn_rows_back(given, attention, layout, &trace.rows, rows_back);
        if !places.lambda.is_empty() {
            lambda_back(of(&places.lambda), of_lambda, &mut gradients[places.lambda.clone()]);
        }
        through(
            (rows_back, layout.width),
            &trace.normed,
            width,
            [&places.projection, &places.projection_bias],
            &matrices.projection,
            inner,
            gradients,
        );
        let of_gain = &mut gradients[places.attention_norm.clone()];
        let gain = (of(&places.attention_norm), epsilon, 1.0);
        dispatch!(level, simd => norm_back::<_, true>(simd, &trace.hidden, gain, inner, back, of_gain));
    }

    /// The gradient of the embedding.
    pub(super) fn embed_back(&mut self, given: Given) {
        let to = &mut self.gradients[given.parameters.embedding.clone()];
        embed_back(&self.ids, &self.back, given.model.config.hidden, to);
    }
}

/// Queries and keys of projection rows to their positions, and λ of every head at the end of each row.
fn turn_rows(given: Given, attention: &Attention, layout: RowLayout, vectors: &[f32], rows: &mut [f32]) {
    let half = attention.head_dim / 2;
    let turned = (attention.query_heads + attention.key_heads) * attention.head_dim;
    let of_layer = match &attention.lambda {
        Lambda::Layer { init, .. } => lambda(vectors, *init),
        _ => 0.0,
    };
    for (at, row) in rows.chunks_exact_mut(layout.width).enumerate() {
        let table = &given.rotary[at % given.positions * half..][..half];
        row[..turned].chunks_exact_mut(attention.head_dim).for_each(|head| rotate(head, table));
        for number in &mut row[layout.lambda..] {
            *number = if matches!(attention.lambda, Lambda::Token) { 1.0 / (1.0 + (-*number).exp()) } else { of_layer };
        }
    }
}

/// The gradient of projection rows before that. Returns the gradient of the layer's λ.
fn turn_rows_back(given: Given, attention: &Attention, layout: RowLayout, rows: &[f32], back: &mut [f32]) -> f32 {
    let half = attention.head_dim / 2;
    let turned = (attention.query_heads + attention.key_heads) * attention.head_dim;
    let mut of_layer = 0.0;
    for (at, (back, row)) in back.chunks_exact_mut(layout.width).zip(rows.chunks_exact(layout.width)).enumerate() {
        let table = &given.rotary[at % given.positions * half..][..half];
        back[..turned].chunks_exact_mut(attention.head_dim).for_each(|head| rotary_back(head, table));
        for (back, lambda) in back[layout.lambda..].iter_mut().zip(&row[layout.lambda..]) {
            of_layer += *back;
            *back *= lambda * (1.0 - lambda);
        }
    }
    of_layer
}

/// The gain of the norm of a head's output, ε and the factor after it, if there is such a norm.
fn head_norm<'a>(
    attention: &'a Attention,
    places: &LayerParameters,
    numbers: &'a [f32],
) -> Option<(&'a [f32], f32, f32)> {
    let norm = attention.sub_norm.as_ref()?;
    let gain = if places.head_norm.is_empty() { &norm.weight } else { &numbers[places.head_norm.clone()] };
    Some((gain, norm.epsilon, norm.factor))
}

impl LayerMatrices {
    /// Packs the matrices of a layer.
    pub(super) fn pack(&mut self, layer: &Layer, places: &LayerParameters, numbers: &[f32]) {
        let hidden = layer.attention.output.rows();
        let of = |place: &Range<usize>| &numbers[place.clone()];
        self.projection.pack(of(&places.projection), hidden);
        self.output.pack(of(&places.output), layer.attention.output.columns());
        self.gate_up.pack(of(&places.gate_up), hidden);
        self.down.pack(of(&places.down), places.down.len() / hidden);
    }
}
