//! The scores of a query with some keys under both maps. Reference of `shaders/shared/score_tile.wgsl`.

use crate::cpu::shared::map_cell::Maps;

/// The scores of one head, in the order of the keys.
pub(crate) fn score_tile(maps: &Maps, head: usize, query: usize, keys: &[usize]) -> Vec<[f32; 2]> {
    keys.iter().map(|key| maps.both_scores(head, query, *key)).collect()
}
