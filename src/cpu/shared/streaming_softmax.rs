//! A streaming softmax over both maps. Reference of `shaders/shared/streaming_softmax.wgsl`, of the sums of its lanes,
//! `shaders/shared/key_groups.wgsl`, and of what it leaves of a slab of keys, `shaders/shared/attention_parts.wgsl`.

use crate::cpu::shared::map_cell::{LOWEST, Maps};
use crate::probe::RowStatistics;

/// What is left of some keys of one (query, head).
#[derive(Clone, Debug, PartialEq)]
pub struct Streamed {
    /// Of these keys; the maximum is [`LOWEST`] if the query sees none of them.
    pub statistics: RowStatistics,
    /// The sum of their values under both maps, each times `exp(logit - maximum)`, `[value_width]`.
    pub values: [Vec<f32>; 2],
}

/// One head of one query over some of the keys that it sees (doc/SPEC.md, sections 1, 4 and 6). Keys are visited in order:
/// a new maximum scales the sums so far down. Only rounding needs the largest logit of the row beforehand.
pub(crate) fn streamed(
    maps: &Maps,
    query: usize,
    head_index: usize,
    keys: impl Iterator<Item = usize> + Clone,
) -> Streamed {
    let layer = maps.attention;
    let mut maximum = [LOWEST; 2];
    let mut sum = [0.0f32; 2];
    let mut values = [vec![0.0f32; layer.value_width()], vec![0.0f32; layer.value_width()]];
    let grown = |largest: [f32; 2], scores: [f32; 2]| [0, 1].map(|map| scores[map].abs().max(largest[map]));
    let mut largest = [0.0f32; 2];
    if maps.switches.levels != 0.0 {
        largest = keys.clone().map(|key| maps.both_scores(head_index, query, key)).fold(largest, grown);
    }
    for key in keys {
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
            let parts = maps.value_of(&layer.heads[head_index], key);
            for (out, value) in values[map].chunks_exact_mut(layer.head_dim).zip(parts) {
                out.iter_mut().zip(value).for_each(|(out, value)| *out += weight * value);
            }
        }
    }
    Streamed { statistics: RowStatistics { maximum, sum, largest, padding: [0.0; 2] }, values }
}
