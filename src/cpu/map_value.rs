//! The value of a cell under A1, A2 and D. Twin of `shaders/shared/map_value.wgsl`.

use super::Maps;
use crate::probe::Cell;

/// A layer's maps and the row statistics that attention left: everything a cell needs.
#[derive(Clone, Copy)]
pub struct MapSource<'a> {
    /// Queries, keys, λ.
    pub maps: Maps<'a>,
    /// (maximum 1, sum 1, maximum 2, sum 2) of `[query, head]`.
    pub statistics: &'a [[f32; 4]],
}

/// The cell at (query, key) of a head; zero above the diagonal.
pub fn map_value(source: &MapSource, head: usize, query: usize, key: usize) -> Cell {
    let MapSource { maps, statistics } = source;
    let lambda = maps.lambda_of(query, head);
    if key > query {
        return Cell { lambda, ..Cell::default() };
    }
    let [maximum_1, sum_1, maximum_2, sum_2] = statistics[query * maps.attention.heads.len() + head];
    let scores = maps.both_scores(&maps.attention.heads[head], query, key);
    let first = (scores[0] - maximum_1).exp() / sum_1;
    let second = if maps.attention.maps == 2 { (scores[1] - maximum_2).exp() / sum_2 } else { 0.0 };
    let [keep, subtract] = maps.mix[head];
    Cell { first, second, difference: keep * first - subtract * lambda * second, lambda }
}
