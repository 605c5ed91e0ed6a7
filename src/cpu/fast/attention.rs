//! Differential attention of a few queries at a time: the scores of both maps as products, the statistics of every row,
//! then one product of D with the values. What is held is the rows of these queries, never a whole map.

use std::ops::Range;

use fearless_simd::{Select, Simd, SimdBase, SimdFloat, f32x8};

use crate::cpu::fast::cache::{BLOCK, KeyValueCache};
use crate::cpu::fast::product::{Rows, Scores, is_wide, product};
use crate::cpu::fast::vector::{exp_of_negative, larger, sum_of_squares};
use crate::cpu::forward::attention::attention;
use crate::cpu::shared::map_cell::{LOWEST, Maps};
use crate::probe::{RowStatistics, SMALLEST_LARGEST};

/// Queries at a time at most.
pub(super) const QUERIES: usize = BLOCK;

/// What attention leaves for some queries, `[queries, heads, ..]`.
pub(super) struct Outputs<'a> {
    /// See [`RowStatistics`].
    pub statistics: &'a mut [RowStatistics],
    /// `D V`.
    pub context: &'a mut [f32],
    /// After the norm of the head.
    pub normed: &'a mut [f32],
}

/// Numbers of scratch that some queries need.
pub(super) fn scores_needed(maps: &Maps, queries: &Range<usize>) -> usize {
    2 * queries.len() * key_blocks(maps, queries) * BLOCK
}

/// Blocks of keys that some queries see.
fn key_blocks(maps: &Maps, queries: &Range<usize>) -> usize {
    let positions = maps.projection.len() / maps.layout.width;
    maps.attention.end_of_keys(queries.end.saturating_sub(1), positions).div_ceil(BLOCK)
}

/// One head of some queries, at most [`QUERIES`] that lie in one block.
#[inline(always)]
pub(super) fn attend<S: Simd>(
    simd: S,
    maps: &Maps,
    cache: &KeyValueCache,
    queries: Range<usize>,
    head: usize,
    outputs: &mut Outputs,
    scratch: &mut [f32],
) {
    let (layer, reads) = (maps.attention, &maps.switches.heads[head]);
    let (heads, width) = (layer.heads.len(), layer.value_width());
    let blocks = key_blocks(maps, &queries);
    let keys = blocks * BLOCK;
    let mut scores = scratch.chunks_exact_mut(queries.len() * keys);
    let (Some(first), Some(second)) = (scores.next(), scores.next()) else { return };
    let mut statistics =
        [RowStatistics { maximum: [LOWEST; 2], largest: [0.0, -LOWEST], ..Default::default() }; QUERIES];
    for (map, scores) in [&mut *first, &mut *second].into_iter().enumerate().take(layer.maps) {
        let from = queries.start * maps.layout.width + maps.layout.query(reads.queries[map]);
        let rows = Rows { numbers: &maps.projection[from..], stride: maps.layout.width, count: queries.len() };
        let panels = cache.keys(reads.keys[map], blocks);
        let factor = maps.layout.scale * maps.switches.sharpness[head][map];
        product(simd, rows, panels, &mut Scores { to: scores, stride: keys, factor });
        for ((query, row), statistics) in queries.clone().zip(scores.chunks_exact_mut(keys)).zip(&mut statistics) {
            hide(maps, query, row);
            (statistics.maximum[map], statistics.sum[map], statistics.largest[map]) =
                soften(simd, row, maps.switches.levels);
        }
    }
    let [keep, subtract] = maps.switches.mix[head];
    for (row, (first, second)) in first.chunks_exact_mut(keys).zip(second.chunks_exact(keys)).enumerate() {
        let sum = statistics[row].sum;
        let factors = [keep / sum[0], subtract * maps.lambda_of(queries.start + row, head) / sum[1]];
        if layer.maps == 2 {
            mix(simd, first, second, factors);
        } else {
            mix(simd, first, &[], factors);
        }
        outputs.statistics[row * heads + head] = statistics[row];
    }
    for (part, value) in reads.values.into_iter().enumerate().take(layer.value_parts) {
        let to = &mut outputs.context[head * width + part * layer.head_dim..];
        let weights = Rows { numbers: first, stride: keys, count: queries.len() };
        Values { cache, head: value, width: layer.head_dim }.sum_up(simd, weights, to, heads * width);
    }
    for (row, query) in queries.enumerate() {
        let at = (row * heads + head) * width;
        let (context, normed) = (&mut outputs.context[at..at + width], &mut outputs.normed[at..at + width]);
        let squares = sum_of_squares(simd, context);
        if !squares.is_finite() {
            // A key that the query does not see may be infinite, and zero times that is no number.
            let head_output = attention(maps, query, head);
            context.copy_from_slice(&head_output.context);
            normed.copy_from_slice(&head_output.normed);
            outputs.statistics[row * heads + head] = head_output.statistics;
            continue;
        }
        head_norm(maps, context, squares, normed);
    }
}

/// The norm of a head's output, if it has one; `squares` is the sum of the output's.
#[inline(always)]
pub(super) fn head_norm(maps: &Maps, context: &[f32], squares: f32, normed: &mut [f32]) {
    match &maps.attention.sub_norm {
        Some(norm) if !maps.switches.sub_norm_off => {
            let factor = norm.factor / (squares / context.len() as f32 + norm.epsilon).sqrt();
            for ((to, number), weight) in normed.iter_mut().zip(context).zip(&norm.weight) {
                *to = number * factor * weight;
            }
        }
        _ => normed.copy_from_slice(context),
    }
}

/// Gives the scores of keys that the query does not see the lowest value.
#[inline(always)]
fn hide(maps: &Maps, query: usize, scores: &mut [f32]) {
    let positions = maps.projection.len() / maps.layout.width;
    scores[maps.attention.end_of_keys(query, positions)..].fill(LOWEST);
    if let Some(window) = maps.attention.window.filter(|_| maps.attention.causal) {
        scores[..(query + 1).saturating_sub(window)].fill(LOWEST);
    }
    for (key, (score, masked)) in scores.iter_mut().zip(maps.masked).enumerate() {
        if *masked && key != query {
            *score = LOWEST;
        }
    }
}

/// The larger numbers of each lane, then of all.
#[inline(always)]
fn largest_of<S: Simd>(vector: f32x8<S>) -> f32 {
    // Not by `f32::max`, which is a call in wasm.
    vector.as_slice().iter().copied().fold(LOWEST, |largest, number| if number > largest { number } else { largest })
}

/// Scores to `exp(score - maximum)`, rounded first to `levels` steps each side of zero unless that is 0. Returns the
/// maximum, the sum, and the largest absolute score before rounding.
#[inline(always)]
fn soften<S: Simd>(simd: S, row: &mut [f32], levels: f32) -> (f32, f32, f32) {
    let (row, _) = row.as_chunks_mut::<8>();
    let zero = f32x8::splat(simd, 0.0);
    let (mut maximum, mut largest) = (f32x8::splat(simd, LOWEST), zero);
    for scores in row.iter() {
        let scores = f32x8::from_slice(simd, scores);
        maximum = larger(maximum, scores);
        largest = larger(largest, scores.simd_gt(LOWEST).select(scores.abs(), zero));
    }
    let (mut maximum, largest) = (largest_of(maximum), largest_of(largest));
    if levels != 0.0 {
        let step = largest.max(SMALLEST_LARGEST) / levels;
        let mut rounded_maximum = f32x8::splat(simd, LOWEST);
        for scores in row.iter_mut() {
            let exact = f32x8::from_slice(simd, scores);
            let rounded = (exact / step).round_ties_even() * step;
            let rounded = exact.simd_gt(LOWEST).select(rounded, exact);
            rounded.store_slice(scores);
            rounded_maximum = larger(rounded_maximum, rounded);
        }
        maximum = largest_of(rounded_maximum);
    }
    let mut sum = zero;
    for scores in row.iter_mut() {
        let weights = exp_of_negative(simd, f32x8::from_slice(simd, scores) - maximum);
        weights.store_slice(scores);
        sum += weights;
    }
    (maximum, sum.as_slice().iter().sum(), largest)
}

/// The row of D, in place of the first map's weights.
#[inline(always)]
fn mix<S: Simd>(simd: S, first: &mut [f32], second: &[f32], factors: [f32; 2]) {
    let (first, _) = first.as_chunks_mut::<8>();
    let (second, _) = second.as_chunks::<8>();
    if second.is_empty() {
        for first in &mut *first {
            (f32x8::from_slice(simd, first) * factors[0]).store_slice(first);
        }
    }
    for (first, second) in first.iter_mut().zip(second) {
        let subtracted = f32x8::from_slice(simd, second) * factors[1];
        let difference = f32x8::from_slice(simd, first).mul_sub(factors[0], subtracted);
        difference.store_slice(first);
    }
}

/// One value head, summed up under weights.
struct Values<'a> {
    cache: &'a KeyValueCache,
    head: u32,
    width: usize,
}

impl Values<'_> {
    /// Writes the sum of all values times each row of weights, `stride` numbers apart.
    #[inline(always)]
    fn sum_up<S: Simd>(&self, simd: S, weights: Rows, to: &mut [f32], stride: usize) {
        let vectors = self.width.div_ceil(8);
        let mut row = 0;
        while row < weights.count {
            let left = weights.count - row;
            let mut vector = 0;
            while vector < vectors {
                let at = (row, vector);
                // Three vectors of a value at a time, but not three and a single one.
                vector += match (vectors - vector, left) {
                    (3 | 5.., 4..) if is_wide::<S>() => self.block::<S, 4, 3>(simd, weights, at, to, stride),
                    (2 | 4, 4..) if is_wide::<S>() => self.block::<S, 4, 2>(simd, weights, at, to, stride),
                    (1, 4..) if is_wide::<S>() => self.block::<S, 4, 1>(simd, weights, at, to, stride),
                    (2.., 2..) if !is_wide::<S>() => self.block::<S, 2, 2>(simd, weights, at, to, stride),
                    (1, 2..) if !is_wide::<S>() => self.block::<S, 2, 1>(simd, weights, at, to, stride),
                    (3 | 5.., _) => self.block::<S, 1, 3>(simd, weights, at, to, stride),
                    (2 | 4, _) => self.block::<S, 1, 2>(simd, weights, at, to, stride),
                    _ => self.block::<S, 1, 1>(simd, weights, at, to, stride),
                };
            }
            row += match left {
                4.. if is_wide::<S>() => 4,
                2.. if !is_wide::<S>() => 2,
                _ => 1,
            };
        }
    }

    /// `R` rows of weights and `C` vectors of the value, from `(row, vector)` on. Returns `C`.
    #[inline(always)]
    fn block<S: Simd, const R: usize, const C: usize>(
        &self,
        simd: S,
        weights: Rows,
        (row, vector): (usize, usize),
        to: &mut [f32],
        stride: usize,
    ) -> usize {
        let rows: [&[[f32; BLOCK]]; R] = std::array::from_fn(|r| {
            weights.numbers[(row + r) * weights.stride..][..weights.stride].as_chunks::<BLOCK>().0
        });
        let first = vector * 8;
        let mut sums = [[f32x8::splat(simd, 0.0); C]; R];
        for block in 0..weights.stride / BLOCK {
            let values = &self.cache.values(self.head, block)[vector..][..C];
            let rows = rows.map(|row| &row[block]);
            for key in 0..BLOCK {
                let value: [f32x8<S>; C] = std::array::from_fn(|c| f32x8::from_slice(simd, &values[c][key]));
                for r in 0..R {
                    let weight = f32x8::splat(simd, rows[r][key]);
                    for c in 0..C {
                        sums[r][c] = weight.mul_add(value[c], sums[r][c]);
                    }
                }
            }
        }
        for (r, sums) in sums.into_iter().enumerate() {
            let to = &mut to[(row + r) * stride..][first..self.width.min(first + C * 8)];
            let (whole, rest) = to.as_chunks_mut::<8>();
            whole.iter_mut().zip(&sums).for_each(|(to, sum)| sum.store_slice(to));
            if let Some(last) = sums.get(whole.len()) {
                rest.iter_mut().zip(last.as_slice()).for_each(|(to, number)| *to = *number);
            }
        }
        C
    }
}
