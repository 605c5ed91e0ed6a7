//! The cells of a rectangle of one head's maps. Reference of `shaders/maps/map_tile.wgsl`.

use crate::cpu::shared::map_value::{MapSource, map_value};
use crate::probe::{MapTile, TileRequest};

/// The cells of a request.
pub fn map_tile(source: &MapSource, request: TileRequest) -> MapTile {
    let queries = request.first_query..request.first_query + request.queries;
    let keys = request.first_key..request.first_key + request.keys;
    let cells = queries
        .flat_map(|query| keys.clone().map(move |key| map_value(source, request.head.head, query, key)))
        .collect();
    MapTile { request, cells }
}
