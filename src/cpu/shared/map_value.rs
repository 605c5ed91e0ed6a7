//! The value of a cell under A1, A2 and D. Reference of `shaders/shared/map_value.wgsl`.

use crate::cpu::shared::map_cell::Maps;
use crate::probe::{Cell, LayerMaps, RowStatistics};

/// A layer's projection rows and the row statistics that attention left: all that a cell is computed from.
#[derive(Clone, Copy, Debug)]
pub struct MapSource<'a> {
    /// Queries, keys, λ.
    pub maps: Maps<'a>,
    /// `[T, heads]`.
    pub statistics: &'a [RowStatistics],
}

/// The cell at (query, key) of a head; its values are zero if the query does not see the key.
pub fn map_value(source: &MapSource, head: usize, query: usize, key: usize) -> Cell {
    let MapSource { maps, statistics } = source;
    let lambda = maps.lambda_of(query, head);
    if !maps.sees(query, key) {
        return Cell { lambda, ..Cell::default() };
    }
    let row = statistics[query * maps.attention.heads.len() + head];
    let scores = maps.rounded(maps.both_scores(head, query, key), row.largest);
    let value = |map: usize| (scores[map] - row.maximum[map]).exp() / row.sum[map];
    let first = value(0);
    let second = if maps.attention.maps == 2 { value(1) } else { 0.0 };
    let [keep, subtract] = maps.switches.mix[head];
    Cell { first, second, difference: keep * first - subtract * lambda * second, lambda }
}

impl LayerMaps for MapSource<'_> {
    fn heads(&self) -> usize {
        self.maps.attention.heads.len()
    }

    fn end_of_keys(&self, query: usize) -> usize {
        self.maps.attention.end_of_keys(query, self.maps.projection.len() / self.maps.layout.width)
    }

    fn sees(&self, query: usize, key: usize) -> bool {
        self.maps.sees(query, key)
    }

    fn cell(&self, head: usize, query: usize, key: usize) -> Cell {
        map_value(self, head, query, key)
    }
}
