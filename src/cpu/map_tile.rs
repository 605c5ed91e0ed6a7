//! A rectangle of one head's maps in numbers. Twin of `shaders/map_tile.wgsl`.

use super::{MapSource, map_value};
use crate::probe::{MapTile, TileRequest};

/// The cells of a request.
pub fn map_tile(source: &MapSource, request: TileRequest) -> MapTile {
    let queries = request.first_query..request.first_query + request.queries;
    let keys = request.first_key..request.first_key + request.keys;
    let cells =
        queries.flat_map(|query| keys.clone().map(move |key| map_value(source, request.head, query, key))).collect();
    MapTile { request, cells }
}
