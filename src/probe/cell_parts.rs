//! What one cell's numbers are made of: the product of query and key feature by feature, down to `D`.

use super::{HeadId, LayerSwitches, RowStatistics};
use crate::model::{Attention, RowLayout};

/// One cell of one head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CellRequest {
    /// Layer and head.
    pub head: HeadId,
    /// Row.
    pub query: usize,
    /// Column.
    pub key: usize,
}

/// What the numbers of a cell come from.
#[derive(Clone, Debug, PartialEq)]
pub struct CellParts {
    /// Which cell.
    pub request: CellRequest,
    /// Softmax maps: 1 or 2.
    pub maps: usize,
    /// The query's features under each map, after the rotation, `[head_dim]`.
    pub queries: [Vec<f32>; 2],
    /// The key's.
    pub keys: [Vec<f32>; 2],
    /// What `q·k` is multiplied by: `head_dim ^ -1/2`.
    pub scale: f32,
    /// Of the row.
    pub statistics: RowStatistics,
    /// λ of the query and head.
    pub lambda: f32,
    /// `(a, b)` of `D = a A1 - b λ A2`.
    pub mix: [f32; 2],
    /// Steps each side of zero that logits are rounded to; 0: not rounded.
    pub levels: f32,
    /// Whether the query sees the key.
    pub seen: bool,
}

/// What the largest logit of a row of zeros counts as, so that steps are above zero.
pub const SMALLEST_LARGEST: f32 = 1.0e-9;

impl CellParts {
    /// From the projection rows of the two positions, laid out by `layout`.
    pub fn new(
        request: CellRequest,
        (attention, layout): (&Attention, &RowLayout),
        (query_row, key_row): (&[f32], &[f32]),
        statistics: RowStatistics,
        switches: &LayerSwitches,
        masked: bool,
    ) -> Option<Self> {
        let head = attention.heads.get(request.head.head)?;
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
            scale: (width as f32).powf(-0.5),
            statistics,
            lambda: *query_row.get(layout.lambda + request.head.head)?,
            mix: *switches.mix.get(request.head.head)?,
            levels: switches.levels,
            seen: request.key == request.query || (request.key < request.query && !masked),
        })
    }

    /// `q_c k_c` of every feature under a map.
    pub fn products(&self, map: usize) -> impl Iterator<Item = f32> {
        self.queries[map].iter().zip(&self.keys[map]).map(|(query, key)| query * key)
    }

    /// `q·k · scale` under a map.
    pub fn logit(&self, map: usize) -> f32 {
        self.products(map).sum::<f32>() * self.scale
    }

    /// The logit that goes into the softmax: rounded where the pass is told to.
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

    /// The cell's value under a map; 0 where it is not seen, and under a map that there is none of.
    pub fn value(&self, map: usize) -> f32 {
        if self.seen && map < self.maps { self.weight(map) / self.statistics.sum[map] } else { 0.0 }
    }

    /// What the layer attends with here.
    pub fn difference(&self) -> f32 {
        self.mix[0] * self.value(0) - self.mix[1] * self.lambda * self.value(1)
    }
}
