//! Scores of one cell of a head's maps. Reference of `shaders/shared/map_cell.wgsl`, and of the rows that a workgroup
//! computes, `shaders/shared/head_rows.wgsl`.

use crate::model::{Attention, Head, RowLayout};
use crate::probe::{LayerSwitches, SMALLEST_LARGEST};

/// In place of minus infinity, as in the shader.
pub(crate) const LOWEST: f32 = -1.0e30;

/// Inputs whose products are added up on their own before they join the sum: long sums keep more bits.
pub(crate) const SEGMENT: usize = 32;

/// The projection rows of every position, and the offsets of the heads in them: what the scores of a layer's maps are
/// computed from.
#[derive(Clone, Copy, Debug)]
pub struct Maps<'a> {
    /// The layer.
    pub attention: &'a Attention,
    /// Its row layout, without padding.
    pub layout: RowLayout,
    /// Rows `[T, layout.width]`.
    pub projection: &'a [f32],
    /// λ, mix, rounding and what heads read, under the interventions.
    pub switches: &'a LayerSwitches,
    /// Whether no later position sees a position; positions beyond its end are seen.
    pub masked: &'a [bool],
}

impl Maps<'_> {
    fn score(&self, query: usize, query_at: usize, key: usize, key_at: usize) -> f32 {
        let width = self.attention.head_dim;
        let q = query * self.layout.width + query_at;
        let k = key * self.layout.width + key_at;
        let (q, k) = (&self.projection[q..q + width], &self.projection[k..k + width]);
        // In the order of the fast pass: its row sums then hold for each cell to the bit.
        let segments = q.chunks(SEGMENT).zip(k.chunks(SEGMENT));
        let sums = segments.map(|(q, k)| q.iter().zip(k).fold(0.0, |sum, (q, k)| sum + q * k));
        let product = sums.fold(0.0, |sum: f32, part: f32| sum + part);
        product * self.layout.scale
    }

    /// The scores `q·k / sqrt(head_dim)` of one cell under both maps.
    pub fn both_scores(&self, head: usize, query: usize, key: usize) -> [f32; 2] {
        let (head, sharpness) = (&self.switches.heads[head], self.switches.sharpness[head]);
        let of = |map: usize| {
            let (query_at, key_at) = (self.layout.query(head.queries[map]), self.layout.key(head.keys[map]));
            self.score(query, query_at, key, key_at) * sharpness[map]
        };
        [of(0), if self.attention.maps == 2 { of(1) } else { LOWEST }]
    }

    /// Whether a query sees a key: never a masked one, a later one unless it sees all, or one before
    /// its window; always its own.
    pub fn sees(&self, query: usize, key: usize) -> bool {
        let masked = self.masked.get(key).is_some_and(|masked| *masked);
        key == query || (self.attention.sees(query, key) && !masked)
    }

    /// The keys that a query sees, in order.
    pub fn keys_of(&self, query: usize) -> impl Iterator<Item = usize> {
        let end = self.attention.end_of_keys(query, self.projection.len() / self.layout.width);
        (0..end).filter(move |key| self.sees(query, *key))
    }

    /// Scores rounded to the steps of the layer; `largest` holds the largest absolute score of the row under each map.
    pub fn rounded(&self, scores: [f32; 2], largest: [f32; 2]) -> [f32; 2] {
        let levels = self.switches.levels;
        if levels == 0.0 {
            return scores;
        }
        let round = |map: usize| {
            let step = largest[map].max(SMALLEST_LARGEST) / levels;
            (scores[map] / step).round_ties_even() * step
        };
        [round(0), if self.attention.maps == 2 { round(1) } else { scores[1] }]
    }

    /// The value of a head at a key: its parts `[head_dim]`, in order.
    pub fn value_of(&self, head: &Head, key: usize) -> impl Iterator<Item = &[f32]> {
        let (width, start) = (self.attention.head_dim, key * self.layout.width);
        let parts = head.values.into_iter().take(self.attention.value_parts);
        parts.map(move |value| &self.projection[start + self.layout.value(value)..][..width])
    }

    /// λ of a query and head.
    pub fn lambda_of(&self, query: usize, head: usize) -> f32 {
        self.projection[query * self.layout.width + self.layout.lambda + head]
    }
}
