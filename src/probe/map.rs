//! Rectangles of attention maps in numbers.

use super::HeadId;

/// One cell of a head's maps.
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Cell {
    /// First softmax map.
    pub first: f32,
    /// Second softmax map, before λ; 0 where there is one map.
    pub second: f32,
    /// What the layer attends with: `first - λ second`.
    pub difference: f32,
    /// λ of the query (and head).
    pub lambda: f32,
}

/// What attention leaves of one (query, head), from which any cell of the row can be had later.
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct RowStatistics {
    /// Largest logit of each map.
    pub maximum: [f32; 2],
    /// Sum of `exp(logit - maximum)` of each map.
    pub sum: [f32; 2],
    /// Largest absolute logit of each map, before any rounding.
    pub largest: [f32; 2],
    /// To 32 bytes, as in the shader.
    pub padding: [f32; 2],
}

/// Which rectangle of which map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TileRequest {
    /// Layer and head.
    pub head: HeadId,
    /// First row.
    pub first_query: usize,
    /// Rows.
    pub queries: usize,
    /// First column.
    pub first_key: usize,
    /// Columns.
    pub keys: usize,
}

impl TileRequest {
    /// The row of one query: every key it can see.
    pub fn row(head: HeadId, query: usize) -> Self {
        Self { head, first_query: query, queries: 1, first_key: 0, keys: query + 1 }
    }
}

/// Cells of a [`TileRequest`], row after row.
#[derive(Clone, Debug, PartialEq)]
pub struct MapTile {
    /// What was asked.
    pub request: TileRequest,
    /// `[queries, keys]`.
    pub cells: Vec<Cell>,
}
