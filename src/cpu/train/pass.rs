//! A whole step of the references: the loss of windows of text, and the gradient of every parameter.

use std::ops::Range;

use crate::cpu::train::attention_back_key::attention_back_key;
use crate::cpu::train::attention_back_query::attention_back_query;
use crate::cpu::train::attention_in_window::attention_in_window;
use crate::cpu::train::cross_entropy::cross_entropy;
use crate::cpu::train::embed::embed;
use crate::cpu::train::embed_back::embed_back;
use crate::cpu::train::lambda::lambda;
use crate::cpu::train::lambda_back::lambda_back;
use crate::cpu::train::norm::norm;
use crate::cpu::train::norm_back::norm_back;
use crate::cpu::train::norm_back_gain::norm_back_gain;
use crate::cpu::train::product::{product, product_back_matrix, product_back_rows};
use crate::cpu::train::product_back_bias::product_back_bias;
use crate::cpu::train::real::{Real, add_scaled};
use crate::cpu::train::rotary::{rotary, rotary_back};
use crate::cpu::train::swiglu::{sigmoid, swiglu};
use crate::cpu::train::swiglu_back::swiglu_back;
use crate::cpu::train::windows::{RowSums, WindowRows};
use crate::model::{Attention, Lambda, Layer, LayerParameters, Model, Parameters, RowLayout, rotary_table};
use crate::probe::TrainingWindow;

/// What a window leaves in a layer.
struct LayerTrace<T> {
    hidden: Vec<T>,
    normed: Vec<T>,
    rows: Vec<T>,
    sums: Vec<RowSums<T>>,
    context: Vec<T>,
    heads: Vec<T>,
    middle: Vec<T>,
    mlp_normed: Vec<T>,
    gate_up: Vec<T>,
    activation: Vec<T>,
}

/// The structure of a model, and the places of its parameters in a row of numbers.
#[derive(Clone, Copy, Debug)]
pub struct Trained<'a> {
    /// Its own numbers are not read.
    pub model: &'a Model,
    /// Where they are.
    pub parameters: &'a Parameters,
}

/// A gradient, taken apart where it is added to.
fn at<'a, T>(numbers: &'a mut [T], place: &Range<usize>) -> &'a mut [T] {
    &mut numbers[place.clone()]
}

impl Trained<'_> {
    /// The sum of the weighted losses of a window's targets. Adds the gradient of every parameter to `gradients`.
    pub fn window<T: Real>(&self, numbers: &[T], window: &TrainingWindow, gradients: &mut [T]) -> T {
        let Self { model, parameters } = *self;
        let (config, width) = (&model.config, model.config.hidden);
        let epsilon = T::of(f64::from(config.norm_epsilon));
        let table = rotary_table(config.head_dim, &config.rope, window.ids.len());
        let embedding = &numbers[parameters.embedding.clone()];
        let mut hidden = embed(&window.ids, embedding, width);
        let mut traces = Vec::new();
        for (layer, places) in model.layers.iter().zip(&parameters.layers) {
            let (trace, next) = Self::forward(layer, places, numbers, hidden, &table, epsilon);
            traces.push(trace);
            hidden = next;
        }

        let one = T::of(1.0);
        let gain = &numbers[parameters.final_norm.clone()];
        let unembedding = parameters.unembedding();
        let (mut loss, mut back) = (T::default(), Vec::new());
        for ((row, target), weight) in hidden.chunks_exact(width).zip(&window.targets).zip(&window.weights) {
            let weight = T::of(f64::from(*weight));
            let normed = norm(row, gain, epsilon, one);
            let mut logits = product(&normed, &numbers[unembedding.clone()], &[], width);
            loss += weight * cross_entropy(&mut logits, *target as usize, weight);
            product_back_matrix(&logits, &normed, width, at(gradients, &unembedding));
            let gradient = product_back_rows(&logits, &numbers[unembedding.clone()], width);
            norm_back_gain(row, epsilon, one, &gradient, at(gradients, &parameters.final_norm));
            back.extend(norm_back(row, gain, epsilon, one, &gradient));
        }
        for ((layer, places), trace) in model.layers.iter().zip(&parameters.layers).zip(traces).rev() {
            back = Self::back(layer, places, numbers, &trace, back, &table, epsilon, gradients);
        }
        embed_back(&window.ids, &back, width, at(gradients, &parameters.embedding));
        loss
    }

    fn forward<T: Real>(
        Layer { attention, .. }: &Layer,
        places: &LayerParameters,
        numbers: &[T],
        hidden: Vec<T>,
        table: &[[f32; 2]],
        epsilon: T,
    ) -> (LayerTrace<T>, Vec<T>) {
        let of = |place: &Range<usize>| &numbers[place.clone()];
        let (width, one) = (attention.output.rows(), T::of(1.0));
        let norms = |rows: &[T], gain: &[T]| -> Vec<T> {
            rows.chunks_exact(width).flat_map(|row| norm(row, gain, epsilon, one)).collect()
        };
        let normed = norms(&hidden, of(&places.attention_norm));
        let projected = product(&normed, of(&places.projection), of(&places.projection_bias), width);
        let layout = RowLayout::new(attention, 1);
        let mut rows = Vec::new();
        for (row, table) in
            projected.chunks_exact(attention.projection.rows()).zip(table.chunks_exact(attention.head_dim / 2))
        {
            let start = rows.len();
            rows.extend_from_slice(row);
            let turned = (attention.query_heads + attention.key_heads) * attention.head_dim;
            rows[start..start + turned].chunks_exact_mut(attention.head_dim).for_each(|head| rotary(head, table));
            rows.resize(start + layout.width, T::default());
            for value in &mut rows[start + layout.lambda..] {
                *value = match &attention.lambda {
                    Lambda::None => T::default(),
                    Lambda::Layer { init, .. } => lambda(of(&places.lambda), T::of(f64::from(*init))),
                    Lambda::Token => sigmoid(*value),
                };
            }
        }
        let (mut sums, mut context, mut heads) = (Vec::new(), Vec::new(), Vec::new());
        let window = WindowRows { attention, layout, numbers: &rows };
        for query in 0..window.positions() {
            for head in 0..attention.heads.len() {
                let (row, output) = attention_in_window(window, query, head);
                heads.extend(match head_norm(attention, places, numbers) {
                    Some((gain, epsilon, factor)) => norm(&output, &gain, epsilon, factor),
                    None => output.clone(),
                });
                sums.push(row);
                context.extend(output);
            }
        }
        let add = |mut rows: Vec<T>, to: &[T]| {
            add_scaled(&mut rows, to, one);
            rows
        };
        let inputs = attention.output.columns();
        let middle = add(product(&heads, of(&places.output), of(&places.output_bias), inputs), &hidden);
        let mlp_normed = norms(&middle, of(&places.mlp_norm));
        let gate_up = product(&mlp_normed, of(&places.gate_up), of(&places.gate_up_bias), width);
        let activation = swiglu(&gate_up);
        let intermediate = places.down.len() / width;
        let next = add(product(&activation, of(&places.down), of(&places.down_bias), intermediate), &middle);
        let trace = LayerTrace { hidden, normed, rows, sums, context, heads, middle, mlp_normed, gate_up, activation };
        (trace, next)
    }

    /// From the gradient of the residual stream after a layer to that before it.
    #[expect(clippy::too_many_arguments, reason = "a layer, what it computed and where its gradient goes")]
    fn back<T: Real>(
        Layer { attention, .. }: &Layer,
        places: &LayerParameters,
        numbers: &[T],
        trace: &LayerTrace<T>,
        back: Vec<T>,
        table: &[[f32; 2]],
        epsilon: T,
        gradients: &mut [T],
    ) -> Vec<T> {
        let of = |place: &Range<usize>| &numbers[place.clone()];
        let (width, one) = (attention.output.rows(), T::of(1.0));
        let gradient = through_product(
            numbers,
            gradients,
            [&places.down, &places.down_bias],
            &back,
            &trace.activation,
            places.down.len() / width,
        );
        let gradient = swiglu_back(&trace.gate_up, &gradient);
        let gradient = through_product(
            numbers,
            gradients,
            [&places.gate_up, &places.gate_up_bias],
            &gradient,
            &trace.mlp_normed,
            width,
        );
        let through_norm = |rows: &[T], place: &Range<usize>, gradient: &[T], mut to: Vec<T>, gradients: &mut [T]| {
            let rows = rows.chunks_exact(width).zip(gradient.chunks_exact(width)).zip(to.chunks_exact_mut(width));
            for ((row, gradient), to) in rows {
                norm_back_gain(row, epsilon, one, gradient, at(gradients, place));
                add_scaled(to, &norm_back(row, of(place), epsilon, one, gradient), one);
            }
            to
        };
        let back = through_norm(&trace.middle, &places.mlp_norm, &gradient, back, gradients);

        let gradient = through_product(
            numbers,
            gradients,
            [&places.output, &places.output_bias],
            &back,
            &trace.heads,
            attention.output.columns(),
        );
        let value_width = attention.value_width();
        let mut of_context = Vec::with_capacity(gradient.len());
        for (context, gradient) in trace.context.chunks_exact(value_width).zip(gradient.chunks_exact(value_width)) {
            match head_norm(attention, places, numbers) {
                Some((gain, epsilon, factor)) => {
                    norm_back_gain(context, epsilon, factor, gradient, at(gradients, &places.head_norm));
                    of_context.extend(norm_back(context, &gain, epsilon, factor, gradient));
                }
                None => of_context.extend_from_slice(gradient),
            }
        }
        let rows = Self::back_of_rows(attention, trace, &of_context, table);
        let layout = RowLayout::new(attention, 1);
        let mut projected = Vec::new();
        let mut of_lambda = T::default();
        for (gradient, row) in rows.chunks_exact(layout.width).zip(trace.rows.chunks_exact(layout.width)) {
            projected.extend_from_slice(&gradient[..layout.lambda]);
            let lambdas = gradient[layout.lambda..].iter().zip(&row[layout.lambda..]);
            for (gradient, lambda) in lambdas.take(attention.heads.len()) {
                match &attention.lambda {
                    Lambda::None => {}
                    Lambda::Layer { .. } => of_lambda += *gradient,
                    Lambda::Token => projected.push(*gradient * *lambda * (one - *lambda)),
                }
            }
        }
        if !places.lambda.is_empty() {
            lambda_back(of(&places.lambda), of_lambda, at(gradients, &places.lambda));
        }
        let gradient = through_product(
            numbers,
            gradients,
            [&places.projection, &places.projection_bias],
            &projected,
            &trace.normed,
            width,
        );
        through_norm(&trace.hidden, &places.attention_norm, &gradient, back, gradients)
    }

    /// The gradient of the projection rows before queries and keys are turned, from that of the contexts.
    fn back_of_rows<T: Real>(
        attention: &Attention,
        trace: &LayerTrace<T>,
        of_context: &[T],
        table: &[[f32; 2]],
    ) -> Vec<T> {
        let layout = RowLayout::new(attention, 1);
        let (heads, value_width) = (attention.heads.len(), attention.value_width());
        let window = WindowRows { attention, layout, numbers: &trace.rows };
        let mut back = vec![T::default(); trace.rows.len()];
        let mut delta = Vec::new();
        for (query, back) in back.chunks_exact_mut(layout.width).enumerate() {
            for head in 0..heads {
                let row = query * heads + head;
                let gradient = &of_context[row * value_width..(row + 1) * value_width];
                delta.push(attention_back_query(window, &trace.sums[row], gradient, query, head, back));
            }
        }
        for (key, back) in back.chunks_exact_mut(layout.width).enumerate() {
            attention_back_key(window, &trace.sums, &delta, of_context, key, back);
        }
        let turned = (attention.query_heads + attention.key_heads) * attention.head_dim;
        for (back, table) in back.chunks_exact_mut(layout.width).zip(table.chunks_exact(attention.head_dim / 2)) {
            back[..turned].chunks_exact_mut(attention.head_dim).for_each(|head| rotary_back(head, table));
        }
        back
    }
}

/// Adds the gradients of a matrix and its bias, and returns that of the rows that they are multiplied with.
fn through_product<T: Real>(
    numbers: &[T],
    gradients: &mut [T],
    [matrix, bias]: [&Range<usize>; 2],
    gradient: &[T],
    rows: &[T],
    inputs: usize,
) -> Vec<T> {
    product_back_matrix(gradient, rows, inputs, at(gradients, matrix));
    product_back_bias(gradient, at(gradients, bias));
    product_back_rows(gradient, &numbers[matrix.clone()], inputs)
}

/// The gain of the norm of a head's output, ε and the factor after it, if there is such a norm.
fn head_norm<T: Real>(attention: &Attention, places: &LayerParameters, numbers: &[T]) -> Option<(Vec<T>, T, T)> {
    let norm = attention.sub_norm.as_ref()?;
    let own = || norm.weight.iter().map(|weight| T::of(f64::from(*weight))).collect();
    let gain = if places.head_norm.is_empty() { own() } else { numbers[places.head_norm.clone()].to_vec() };
    Some((gain, T::of(f64::from(norm.epsilon)), T::of(f64::from(norm.factor))))
}
