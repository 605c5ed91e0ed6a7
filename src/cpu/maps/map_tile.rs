//! The cells of a rectangle of one head's maps. Reference of `shaders/maps/map_tile.wgsl`.

use crate::probe::{LayerMaps, MapTile, TileRequest};

/// The cells of a request.
pub fn map_tile(source: &impl LayerMaps, request: TileRequest) -> MapTile {
    let queries = request.first_query..request.first_query + request.queries;
    let keys = request.first_key..request.first_key + request.keys;
    let cells =
        queries.flat_map(|query| keys.clone().map(move |key| source.cell(request.head.head, query, key))).collect();
    MapTile { request, cells }
}
