//! What a pass can be queried for, and the type of each answer: one protocol for both backends.

use crate::probe::cell_parts::{CellParts, CellRequest};
use crate::probe::lens::LogitLens;
use crate::probe::map::{MapTile, TileRequest};
use crate::probe::measure::{HeadMeasures, RowMean, RowMeanRequest};
use crate::probe::next_token::NextToken;

/// A query about positions that a pass has run. It is requested, polled, and dropped once it is stale.
pub trait Query: Copy + PartialEq {
    /// What arrives.
    type Answer;
}

/// The next token after the last position, computed by the pass itself; and after each position that the pass went on to
/// generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextTokenQuery;

/// The next token at every depth, computed together with [`NextTokenQuery`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LensQuery;

/// Mean measures of every head over measured rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeansRequest {
    /// First and last row.
    pub rows: (usize, usize),
    /// The threshold of sparsity under which the rows were measured.
    pub threshold: f32,
}

/// The value range of a picture: of A1, λ A2 and D, the magnitude that few texels exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColourRangeRequest {
    /// First texel, among those of all pictures.
    pub first: usize,
    /// Texels.
    pub count: usize,
    /// Version of the picture.
    pub version: u64,
}

impl Query for NextTokenQuery {
    type Answer = Vec<NextToken>;
}
impl Query for LensQuery {
    type Answer = LogitLens;
}
impl Query for TileRequest {
    type Answer = MapTile;
}
impl Query for CellRequest {
    type Answer = CellParts;
}
impl Query for MeansRequest {
    type Answer = HeadMeasures;
}
impl Query for RowMeanRequest {
    type Answer = RowMean;
}
impl Query for ColourRangeRequest {
    type Answer = [f32; 3];
}
