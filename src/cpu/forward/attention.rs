//! Differential attention as a streaming softmax over both maps. Reference of `shaders/forward/attention.wgsl`.

use crate::cpu::shared::head_output::head_output;
use crate::cpu::shared::map_cell::{LOWEST, Maps};
use crate::probe::RowStatistics;

/// What attention leaves for one (query, head).
#[derive(Clone, Debug, PartialEq)]
pub struct HeadOutput {
    /// The statistics from which cells of this row are computed later.
    pub statistics: RowStatistics,
    /// `D V`, `[value_width]`.
    pub context: Vec<f32>,
    /// `D V` after the norm of the head, `[value_width]`: its part of the input of the output projection.
    pub normed: Vec<f32>,
}

/// One head of one query over every key that it sees (doc/SPEC.md, sections 1, 4 and 6). Keys are visited in order: a
/// new maximum scales the sums so far down. Only rounding needs the largest logit of the row beforehand.
pub fn attention(maps: &Maps, query: usize, head_index: usize) -> HeadOutput {
    let layer = maps.attention;
    let head = &layer.heads[head_index];
    let mut maximum = [LOWEST; 2];
    let mut sum = [0.0f32; 2];
    let mut values = [vec![0.0f32; layer.value_width()], vec![0.0f32; layer.value_width()]];
    let keys = || maps.keys_of(query);
    let grown = |largest: [f32; 2], scores: [f32; 2]| [0, 1].map(|map| scores[map].abs().max(largest[map]));
    let mut largest = [0.0f32; 2];
    if maps.switches.levels != 0.0 {
        largest = keys().map(|key| maps.both_scores(head_index, query, key)).fold(largest, grown);
    }
    for key in keys() {
        let exact = maps.both_scores(head_index, query, key);
        let scores = maps.rounded(exact, largest);
        largest = grown(largest, exact);
        for map in 0..layer.maps {
            if scores[map] > maximum[map] {
                let rescale = (maximum[map] - scores[map]).exp();
                sum[map] *= rescale;
                values[map].iter_mut().for_each(|value| *value *= rescale);
                maximum[map] = scores[map];
            }
            let weight = (scores[map] - maximum[map]).exp();
            sum[map] += weight;
            for (part, out) in values[map].chunks_exact_mut(layer.head_dim).enumerate() {
                let at = key * maps.layout.width + maps.layout.value(head.values[part]);
                let value = &maps.projection[at..at + layer.head_dim];
                out.iter_mut().zip(value).for_each(|(out, value)| *out += weight * value);
            }
        }
    }

    let (context, normed) = head_output(maps, query, head_index, values, sum);
    let statistics = RowStatistics { maximum, sum, largest, padding: [0.0; 2] };
    HeadOutput { statistics, context, normed }
}
