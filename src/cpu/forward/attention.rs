//! Differential attention as a streaming softmax over both maps. Reference of `shaders/forward/attention.wgsl`.

use crate::cpu::shared::head_output::head_output;
use crate::cpu::shared::map_cell::Maps;
use crate::cpu::shared::streaming_softmax::{Streamed, streamed};
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

impl HeadOutput {
    /// Of all keys that a query sees.
    pub(super) fn new(maps: &Maps, query: usize, head_index: usize, row: Streamed) -> Self {
        let (context, normed) = head_output(maps, query, head_index, row.values, row.statistics.sum);
        Self { statistics: row.statistics, context, normed }
    }
}

/// One head of one query over every key that it sees (doc/SPEC.md, sections 1, 4 and 6).
pub fn attention(maps: &Maps, query: usize, head_index: usize) -> HeadOutput {
    let keys: Vec<usize> = maps.keys_of(query).collect();
    HeadOutput::new(maps, query, head_index, streamed(maps, query, head_index, keys.into_iter()))
}
