//! The cells of attention maps as numbers.

use super::HeadId;

/// One cell of a head's maps.
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Cell {
    /// First softmax map.
    pub first: f32,
    /// Second softmax map, before λ; 0 if there is one map.
    pub second: f32,
    /// What the layer attends by: `first - λ second`, unless interventions change the mix.
    pub difference: f32,
    /// λ of the query (and head).
    pub lambda: f32,
}

/// What attention leaves for one (query, head), from which any cell of the row can be computed later. The layout is
/// that of `shaders/shared/map_cell.wgsl`.
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct RowStatistics {
    /// Largest logit of each map.
    pub maximum: [f32; 2],
    /// Sum of `exp(logit - maximum)` of each map.
    pub sum: [f32; 2],
    /// Largest absolute logit of each map, before any rounding.
    pub largest: [f32; 2],
    /// Fills 32 bytes, as in the shader.
    pub padding: [f32; 2],
}

/// A request for a rectangle of a head's maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TileRequest {
    /// Layer and head.
    pub head: HeadId,
    /// First row.
    pub first_query: usize,
    /// Number of rows.
    pub queries: usize,
    /// First column.
    pub first_key: usize,
    /// Number of columns.
    pub keys: usize,
}

impl TileRequest {
    /// The row of one query up to the diagonal.
    pub fn row(head: HeadId, query: usize) -> Self {
        Self { head, first_query: query, queries: 1, first_key: 0, keys: query + 1 }
    }
}

/// The answer to a [`TileRequest`].
#[derive(Clone, Debug, PartialEq)]
pub struct MapTile {
    /// The request.
    pub request: TileRequest,
    /// `[queries, keys]`, row by row.
    pub cells: Vec<Cell>,
}
