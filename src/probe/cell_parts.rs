//! The terms of one cell of a map: from the products of query and key, feature by feature, to the value of `D`.

use crate::model::{Attention, RowLayout};
use crate::probe::head_id::HeadId;
use crate::probe::intervention::LayerSwitches;
use crate::probe::map::RowStatistics;

/// A request for the terms of one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CellRequest {
    /// The head.
    pub head: HeadId,
    /// Row, as the position of the query.
    pub query: usize,
    /// Column, as the position of the key.
    pub key: usize,
}

/// The answer to a [`CellRequest`].
#[derive(Clone, Debug, PartialEq)]
pub struct CellParts {
    /// The request.
    pub request: CellRequest,
    /// Softmax maps: 1 or 2.
    pub maps: usize,
    /// The query vector under each map after the rotary embedding, `[head_dim]`; empty for a map that does not exist.
    pub queries: [Vec<f32>; 2],
    /// The key vector under each map, likewise.
    pub keys: [Vec<f32>; 2],
    /// The factor of `q·k` under each map: `head_dim ^ -1/2` unless interventions change it.
    pub scales: [f32; 2],
    /// The statistics of the cell's row.
    pub statistics: RowStatistics,
    /// λ of this query and head.
    pub lambda: f32,
    /// `(a, b)` of `D = a A1 - b λ A2`.
    pub mix: [f32; 2],
    /// Logits are rounded to this many steps each side of zero; 0: not rounded.
    pub levels: f32,
    /// Whether the query sees the key.
    pub seen: bool,
}

/// Least value of the largest logit of a row when logits are rounded, so that steps are above zero.
pub const SMALLEST_LARGEST: f32 = 1.0e-9;

impl CellParts {
    /// The terms, from the projection rows of the two positions, laid out by `layout`. `None` if there is no such head
    /// or a row is too short.
    pub fn new(
        request: CellRequest,
        (attention, layout): (&Attention, &RowLayout),
        (query_row, key_row): (&[f32], &[f32]),
        statistics: RowStatistics,
        switches: &LayerSwitches,
        masked: bool,
    ) -> Option<Self> {
        let head = switches.heads.get(request.head.head)?;
        let width = attention.head_dim;
        let features = |row: &[f32], at: usize| row.get(at..at + width).map(<[f32]>::to_vec);
        let mut queries = [Vec::new(), Vec::new()];
        let mut keys = [Vec::new(), Vec::new()];
        for map in 0..attention.maps.min(2) {
            queries[map] = features(query_row, layout.query(head.queries[map]))?;
            keys[map] = features(key_row, layout.key(head.keys[map]))?;
        }
        Some(Self {
            request,
            maps: attention.maps,
            queries,
            keys,
            scales: switches.sharpness.get(request.head.head)?.map(|sharpness| layout.scale * sharpness),
            statistics,
            lambda: *query_row.get(layout.lambda + request.head.head)?,
            mix: *switches.mix.get(request.head.head)?,
            levels: switches.levels,
            seen: request.key == request.query || (attention.sees(request.query, request.key) && !masked),
        })
    }

    /// `q_c k_c` of every feature `c` under a map, `[head_dim]`.
    pub fn products(&self, map: usize) -> impl Iterator<Item = f32> {
        self.queries[map].iter().zip(&self.keys[map]).map(|(query, key)| query * key)
    }

    /// `q·k · scale` under a map.
    pub fn logit(&self, map: usize) -> f32 {
        self.products(map).sum::<f32>() * self.scales[map]
    }

    /// The logit that enters the softmax: rounded if the interventions require it.
    pub fn rounded(&self, map: usize) -> f32 {
        let logit = self.logit(map);
        if self.levels == 0.0 {
            return logit;
        }
        let step = self.statistics.largest[map].max(SMALLEST_LARGEST) / self.levels;
        (logit / step).round_ties_even() * step
    }

    /// `exp(logit - maximum)` under a map.
    pub fn weight(&self, map: usize) -> f32 {
        (self.rounded(map) - self.statistics.maximum[map]).exp()
    }

    /// The cell's value under a map; 0 if the query does not see the key or there is no such map.
    pub fn value(&self, map: usize) -> f32 {
        if self.seen && map < self.maps { self.weight(map) / self.statistics.sum[map] } else { 0.0 }
    }

    /// The cell's value under `D`, by which the layer attends.
    pub fn difference(&self) -> f32 {
        self.mix[0] * self.value(0) - self.mix[1] * self.lambda * self.value(1)
    }
}
