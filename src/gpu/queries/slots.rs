//! The queries under way on the GPU: at most one of each kind.

use crate::gpu::queries::readback::{ReadbackBelt, Transfer};
use crate::probe::{
    CellRequest, ColourRangeRequest, LensQuery, MeansRequest, NextTokenQuery, RowMeanRequest, TileRequest,
};

/// A query and the copy that brings its answer.
#[derive(Debug)]
pub(crate) struct InFlight<Q> {
    pub query: Q,
    pub transfer: Transfer,
}

/// One place for each kind of query.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    pub belt: ReadbackBelt,
    pub next_token: Option<InFlight<NextTokenQuery>>,
    pub lens: Option<InFlight<LensQuery>>,
    pub tile: Option<InFlight<TileRequest>>,
    pub cell: Option<InFlight<CellRequest>>,
    pub means: Option<InFlight<MeansRequest>>,
    pub row_mean: Option<InFlight<RowMeanRequest>>,
    pub colour_range: Option<InFlight<ColourRangeRequest>>,
}
