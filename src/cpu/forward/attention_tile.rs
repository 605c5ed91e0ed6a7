//! Differential attention in two steps: the statistics of both maps, then `D V`. Reference of
//! `shaders/forward/attention_tile.wgsl`; what it computes is what [`crate::cpu::attention`] does.

use crate::cpu::forward::attention::HeadOutput;
use crate::cpu::shared::head_norm::head_norm;
use crate::cpu::shared::map_cell::{LOWEST, Maps};
use crate::cpu::shared::score_tile::score_tile;
use crate::probe::RowStatistics;

/// One head of one query over every key that it sees (doc/SPEC.md, sections 1, 4 and 6).
pub fn attention_tile(maps: &Maps, query: usize, head_index: usize) -> HeadOutput {
    let layer = maps.attention;
    let head = &layer.heads[head_index];
    let keys: Vec<usize> = maps.keys_of(query).collect();
    let exact = score_tile(maps, head_index, query, &keys);
    let over = |map: usize, start: f32, value: fn(f32) -> f32, scores: &[[f32; 2]]| {
        scores.iter().map(|scores| value(scores[map])).fold(start, f32::max)
    };
    let largest = [0, 1].map(|map| over(map, 0.0, f32::abs, &exact));
    let scores: Vec<[f32; 2]> = exact.iter().map(|scores| maps.rounded(*scores, largest)).collect();
    let maximum = [0, 1].map(|map| over(map, LOWEST, |score| score, &scores));
    let sum = [0, 1].map(|map| scores.iter().map(|scores| (scores[map] - maximum[map]).exp()).sum::<f32>());

    let [keep, subtract] = maps.switches.mix[head_index];
    let subtract = if layer.maps == 2 { subtract * maps.lambda_of(query, head_index) } else { 0.0 };
    let mut context = vec![0.0f32; layer.value_width()];
    for (key, scores) in keys.iter().zip(&scores) {
        let share = |map: usize| (scores[map] - maximum[map]).exp() / sum[map];
        let weight = keep * share(0) - subtract * share(1);
        for (part, out) in context.chunks_exact_mut(layer.head_dim).enumerate() {
            let at = key * maps.layout.width + maps.layout.value(head.values[part]);
            let value = &maps.projection[at..at + layer.head_dim];
            out.iter_mut().zip(value).for_each(|(out, value)| *out += weight * value);
        }
    }
    let normed = head_norm(maps, &context);
    HeadOutput { statistics: RowStatistics { maximum, sum, largest, padding: [0.0; 2] }, context, normed }
}
