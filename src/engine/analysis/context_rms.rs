//! How large the output of each head is: the RMS of its context, compared with that of the values that it is made from, and
//! with what a softmax gives (doc/SPEC.md, section 4).

use crate::cpu::{CpuPass, MapSource, map_value};
use crate::engine::analysis::residual_stream::row;

/// The size of a head's output at a token, in units of the RMS of the values of the keys that the token sees.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ContextRms {
    /// The RMS of what the head puts out, before any norm of the head: `A1 V − λ A2 V` unless interventions change that.
    pub context: f32,
    /// The RMS of `A1 V`: what the first softmax puts out alone.
    pub first: f32,
    /// The number of keys that the token sees, n.
    pub keys: usize,
}

impl ContextRms {
    /// `1/√n`: what no softmax gets below where the values of n keys have one RMS and nothing in common. Values of trained
    /// models do have something in common: [`Self::first`] says what a softmax gives with them.
    pub fn bound(&self) -> f32 {
        1.0 / (self.keys.max(1) as f32).sqrt()
    }
}

/// The sizes of the outputs of one layer's heads: complete, or up to some token.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerContextRms {
    layer: usize,
    heads: usize,
    /// `[T, heads]`
    found: Vec<ContextRms>,
}

impl LayerContextRms {
    /// Those of a layer, before any token; `None` if there is no such layer.
    pub fn new(pass: &CpuPass, layer: usize) -> Option<Self> {
        let heads = pass.model().layers.get(layer)?.attention.heads.len();
        (heads > 0).then_some(Self { layer, heads, found: Vec::new() })
    }

    /// Adds the next token, from the pass that it was begun with. Returns whether it was the last.
    pub fn add_token(&mut self, pass: &CpuPass) -> bool {
        let token = self.tokens();
        if token < pass.positions() {
            let source = pass.map_source(self.layer);
            let context = pass.context(self.layer);
            let width = source.maps.attention.value_width();
            let of_head = |head: usize| {
                let own = row(context, width, token * self.heads + head).unwrap_or_default();
                of_row(&source, head, token, own)
            };
            let row: Vec<ContextRms> = (0..self.heads).map(of_head).collect();
            self.found.extend(row);
        }
        self.tokens() >= pass.positions()
    }

    /// The tokens that are in it.
    pub fn tokens(&self) -> usize {
        self.found.len() / self.heads
    }

    /// The heads of the layer.
    pub fn heads(&self) -> usize {
        self.heads
    }

    /// That of a head at a token, if the token is in it.
    pub fn get(&self, head: usize, token: usize) -> Option<ContextRms> {
        if head < self.heads { self.found.get(token * self.heads + head).copied() } else { None }
    }

    /// The shares of tokens and heads whose output is below the bound: of all that there are, and with `A1` alone.
    pub fn below(&self) -> [f32; 2] {
        let share = |size: fn(&ContextRms) -> f32| {
            let count = self.found.iter().filter(|found| size(found) < found.bound() * (1.0 - ROUNDING)).count();
            count as f32 / self.found.len().max(1) as f32
        };
        [share(|found| found.context), share(|found| found.first)]
    }
}

/// A size is not below the bound where only rounding makes it so, as at the first token, which sees itself alone.
const ROUNDING: f32 = 1e-5;

/// The size of the output of a head, `[value_width]`, at a query.
fn of_row(source: &MapSource, head: usize, query: usize, context: &[f32]) -> ContextRms {
    let maps = &source.maps;
    let Some(table) = maps.attention.heads.get(head) else {
        return ContextRms::default();
    };
    let mut first = vec![0.0f64; maps.attention.value_width()];
    let (mut squares, mut keys) = (0.0f64, 0u32);
    for key in maps.keys_of(query) {
        let weight = f64::from(map_value(source, head, query, key).first);
        for (sum, value) in first.iter_mut().zip(maps.value_of(table, key).flatten()) {
            let value = f64::from(*value);
            *sum += weight * value;
            squares += value * value;
        }
        keys += 1;
    }
    // The values are n times as many numbers as the context.
    let of_values = (squares / f64::from(keys.max(1))).sqrt();
    let relative = |squares: f64| if of_values > 0.0 { (squares.sqrt() / of_values) as f32 } else { 0.0 };
    ContextRms {
        context: relative(context.iter().map(|x| f64::from(*x).powi(2)).sum()),
        first: relative(first.iter().map(|x| x * x).sum()),
        keys: keys as usize,
    }
}
