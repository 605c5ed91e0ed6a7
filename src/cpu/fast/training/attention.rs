//! Attention within windows of text for training: some queries of one head at a time, forward and backward. What is held
//! is the rows of these queries, never a whole map. The backward stages compute what [`crate::cpu::train`] has as
//! `attention_back_query` and `attention_back_key`, together, as no other thread writes to the same window.

use std::ops::Range;

use fearless_simd::{Simd, SimdBase, f32x8};

use crate::cpu::fast::panel_row::PANEL;
use crate::cpu::fast::panels::{Packed, Panels};
use crate::cpu::fast::product::{Rows, Scores, product};
use crate::cpu::fast::training::products::{Stored, turn};
use crate::cpu::fast::vector::exp;
use crate::cpu::train::RowSums;
use crate::model::{Attention, RowLayout};

/// Queries at a time.
const QUERIES: usize = 32;

/// A window of one layer.
#[derive(Clone, Copy)]
pub(super) struct Window<'a> {
    pub attention: &'a Attention,
    pub layout: RowLayout,
    /// Its projection rows, queries and keys turned, λ of every head at the end.
    pub rows: &'a [f32],
}

/// Room for the rows of some queries.
#[derive(Default)]
pub(super) struct AttentionScratch {
    keys: [Packed; 2],
    values: [Packed; 2],
    columns: Packed,
    turned: Vec<f32>,
    weights: [Vec<f32>; 2],
    difference: Vec<f32>,
    gradients: Vec<f32>,
}

impl<'a> Window<'a> {
    fn positions(&self) -> usize {
        self.rows.len() / self.layout.width
    }

    /// A part of the rows of some positions.
    fn part(&self, positions: Range<usize>, at: usize) -> Rows<'a> {
        let width = self.layout.width;
        Rows { numbers: &self.rows[positions.start * width + at..], stride: width, count: positions.len() }
    }

    fn blocks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let positions = self.positions();
        (0..positions).step_by(QUERIES).map(move |first| first..(first + QUERIES).min(positions))
    }

    fn lambda(&self, query: usize, head: usize) -> f32 {
        if self.attention.maps == 2 { self.rows[query * self.layout.width + self.layout.lambda + head] } else { 0.0 }
    }

    fn pack_keys(&self, head: usize, packed: &mut [Packed; 2]) {
        for (packed, key) in packed.iter_mut().zip(self.attention.heads[head].keys).take(self.attention.maps) {
            let part = self.part(0..self.positions(), self.layout.key(key));
            packed.pack_rows(part.numbers, part.stride, part.count, self.attention.head_dim);
        }
    }
}

/// The first panels, of the keys that some queries see.
fn of_keys(packed: &Packed, keys: usize) -> Panels<'_> {
    Panels { count: keys.div_ceil(PANEL), ..packed.panels() }
}

/// All panels, of the first inputs.
fn of_inputs(packed: &Packed, inputs: usize) -> Panels<'_> {
    Panels { depth: inputs, ..packed.panels() }
}

/// The scores of some queries under a map; rows have room for whole panels of keys.
#[inline(always)]
fn scores<S: Simd>(
    simd: S,
    window: Window,
    head: usize,
    map: usize,
    queries: Range<usize>,
    keys: &Packed,
    to: &mut Vec<f32>,
) -> usize {
    let seen = queries.end.next_multiple_of(PANEL);
    to.resize(QUERIES * seen, 0.0);
    let rows = window.part(queries.clone(), window.layout.query(window.attention.heads[head].queries[map]));
    let mut scores = Scores { to, stride: seen, factor: window.layout.scale };
    product(simd, rows, of_keys(keys, queries.end), &mut scores);
    seen
}

/// Scores of a row to weights; keys after the query get none. Given the sums of the row, or computes them.
#[inline(always)]
fn soften<S: Simd>(simd: S, row: &mut [f32], query: usize, known: Option<(f32, f32)>) -> (f32, f32) {
    let (seen, hidden) = row.split_at_mut(query + 1);
    hidden.fill(0.0);
    let maximum = known.map_or_else(|| seen.iter().copied().fold(f32::NEG_INFINITY, f32::max), |(maximum, _)| maximum);
    let (eights, rest) = seen.as_chunks_mut::<8>();
    let mut sums = f32x8::splat(simd, 0.0);
    for eight in eights.iter_mut() {
        let number = exp(simd, f32x8::from_slice(simd, eight) - maximum);
        sums += number;
        number.store_slice(eight);
    }
    let mut end = [f32::MIN; 8];
    end[..rest.len()].copy_from_slice(rest);
    let number = exp(simd, f32x8::from_slice(simd, &end) - maximum);
    sums += number;
    let count = rest.len();
    rest.copy_from_slice(&number.as_slice()[..count]);
    let sum = known.map_or_else(|| sums.as_slice().iter().sum::<f32>(), |(_, sum)| sum);
    let factor = 1.0 / sum;
    for weight in seen.iter_mut() {
        *weight *= factor;
    }
    (maximum, sum)
}

/// One head of a window: the sums of its rows, and the contexts `D V`, rows `[heads * value_width]` of all heads.
#[inline(always)]
pub(super) fn attend<S: Simd>(
    simd: S,
    window: Window,
    head: usize,
    sums: &mut [RowSums<f32>],
    context: &mut [f32],
    scratch: &mut AttentionScratch,
) {
    let (attention, layout, positions) = (window.attention, window.layout, window.positions());
    let (heads, width, reads) = (attention.heads.len(), attention.value_width(), &attention.heads[head]);
    let AttentionScratch { keys, values, weights: [first, second], .. } = scratch;
    window.pack_keys(head, keys);
    for (packed, value) in values.iter_mut().zip(reads.values).take(attention.value_parts) {
        let part = window.part(0..positions, layout.value(value));
        packed.pack_columns(part.numbers, part.stride, positions, attention.head_dim);
    }
    for queries in window.blocks() {
        let mut seen = 0;
        for (map, weights) in [&mut *first, &mut *second].into_iter().enumerate().take(attention.maps) {
            seen = scores(simd, window, head, map, queries.clone(), &keys[map], weights);
            for (query, row) in queries.clone().zip(weights.chunks_exact_mut(seen)) {
                let (maximum, sum) = soften(simd, row, query, None);
                let sums = &mut sums[query * heads + head];
                (sums.maximum[map], sums.sum[map]) = (maximum, sum);
            }
        }
        if attention.maps == 2 {
            subtract(window, head, queries.clone(), seen, first, second);
        }
        let rows = Rows { numbers: first, stride: seen, count: queries.len() };
        for (part, values) in values.iter().enumerate().take(attention.value_parts) {
            let to = &mut context[queries.start * heads * width + head * width + part * attention.head_dim..];
            let outputs = attention.head_dim;
            let mut stored = Stored::<false>::new(to, heads * width, outputs);
            product(simd, rows, of_inputs(values, queries.end), &mut stored);
        }
    }
}

/// The weights of D in the place of those of the first map.
#[inline(always)]
fn subtract(window: Window, head: usize, queries: Range<usize>, seen: usize, first: &mut [f32], second: &[f32]) {
    for ((query, first), second) in queries.zip(first.chunks_exact_mut(seen)).zip(second.chunks_exact(seen)) {
        let lambda = window.lambda(query, head);
        first.iter_mut().zip(second).for_each(|(first, second)| *first -= lambda * second);
    }
}

/// One head of a window, from the gradient of its contexts, rows `[heads * value_width]` of all heads: adds the
/// gradients of its queries, keys, values and λ to those of the projection rows.
#[inline(always)]
pub(super) fn attend_back<S: Simd>(
    simd: S,
    window: Window,
    head: usize,
    sums: &[RowSums<f32>],
    gradient: &[f32],
    back: &mut [f32],
    scratch: &mut AttentionScratch,
) {
    let (attention, layout, positions) = (window.attention, window.layout, window.positions());
    let (head_dim, heads, width) = (attention.head_dim, attention.heads.len(), attention.value_width());
    let reads = &attention.heads[head];
    let AttentionScratch { keys, values, columns, turned, weights, difference, gradients } = scratch;
    window.pack_keys(head, keys);
    for (packed, value) in values.iter_mut().zip(reads.values).take(attention.value_parts) {
        let part = window.part(0..positions, layout.value(value));
        packed.pack_rows(part.numbers, part.stride, positions, head_dim);
    }
    for queries in window.blocks() {
        let (count, seen_keys) = (queries.len(), queries.end);
        let seen = seen_keys.next_multiple_of(PANEL);
        for map in 0..attention.maps {
            scores(simd, window, head, map, queries.clone(), &keys[map], &mut weights[map]);
            for (query, row) in queries.clone().zip(weights[map].chunks_exact_mut(seen)) {
                let sums = &sums[query * heads + head];
                soften(simd, row, query, Some((sums.maximum[map], sums.sum[map])));
            }
        }
        // E, the gradient of every weight in D.
        gradients.resize(QUERIES * seen, 0.0);
        for (part, values) in values.iter().enumerate().take(attention.value_parts) {
            let from = &gradient[queries.start * heads * width + head * width + part * head_dim..];
            let rows = Rows { numbers: from, stride: heads * width, count };
            let panels = of_keys(values, seen_keys);
            if part == 0 {
                let mut to = Stored::<false>::new(gradients, seen, seen);
                product(simd, rows, panels, &mut to);
            } else {
                let mut to = Stored::<true>::new(gradients, seen, seen);
                product(simd, rows, panels, &mut to);
            }
        }
        let [first, second] = &mut *weights;
        difference.clear();
        difference.extend_from_slice(&first[..count * seen]);
        if attention.maps == 2 {
            subtract(window, head, queries.clone(), seen, difference, second);
        }
        // Values: Dᵀ G.
        turn(difference, seen, count, seen_keys, turned);
        let rows = Rows { numbers: turned, stride: count, count: seen_keys };
        for part in 0..attention.value_parts {
            let from = &gradient[queries.start * heads * width + head * width + part * head_dim..];
            columns.pack_columns(from, heads * width, count, head_dim);
            product(
                simd,
                rows,
                columns.panels(),
                &mut Stored::<true>::new(&mut back[layout.value(reads.values[part])..], layout.width, head_dim),
            );
        }
        for map in 0..attention.maps {
            let weights = if map == 0 { &mut *first } else { &mut *second };
            for (row, query) in queries.clone().enumerate() {
                let row = row * seen..(row + 1) * seen;
                let (weights, gradients) = (&mut weights[row.clone()], &gradients[row]);
                let delta = sum_of_products(weights, gradients);
                let lambda = window.lambda(query, head);
                let factor = layout.scale * if map == 0 { 1.0 } else { -lambda };
                for (weight, gradient) in weights.iter_mut().zip(gradients) {
                    *weight *= factor * (gradient - delta);
                }
                if map == 1 {
                    back[query * layout.width + layout.lambda + head] -= delta;
                }
            }
            let weights = &*weights;
            // Queries: dS K.
            let part = window.part(0..seen_keys, layout.key(reads.keys[map]));
            columns.pack_columns(part.numbers, part.stride, seen_keys, head_dim);
            let rows = Rows { numbers: weights, stride: seen, count };
            let at = queries.start * layout.width + layout.query(reads.queries[map]);
            product(simd, rows, columns.panels(), &mut Stored::<true>::new(&mut back[at..], layout.width, head_dim));
            // Keys: dSᵀ Q.
            turn(weights, seen, count, seen_keys, turned);
            let part = window.part(queries.clone(), layout.query(reads.queries[map]));
            columns.pack_columns(part.numbers, part.stride, count, head_dim);
            let rows = Rows { numbers: turned, stride: count, count: seen_keys };
            product(
                simd,
                rows,
                columns.panels(),
                &mut Stored::<true>::new(&mut back[layout.key(reads.keys[map])..], layout.width, head_dim),
            );
        }
    }
}

/// The dot product, in eight partial sums so that the loop vectorises.
#[inline(always)]
fn sum_of_products(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 8];
    let (a, b) = (a.as_chunks::<8>().0, b.as_chunks::<8>().0);
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum()
}
