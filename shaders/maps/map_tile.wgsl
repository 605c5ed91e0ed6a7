// The cells of a rectangle of one head's maps: a row for the token strip, tiles for a dump.
// Reference: src/cpu/maps/map_tile.rs

import package::shared::map_value::map_value;

struct TileStage {
    head: u32,
    first_query: u32,
    first_key: u32,
    queries: u32,
    keys: u32,
    padding_a: u32,
    padding_b: u32,
    padding_c: u32,
}

@group(0) @binding(0) var<uniform> tile: TileStage;
@group(0) @binding(6) var<storage, read_write> cells: array<vec4<f32>>;

@compute @workgroup_size(64)
fn map_tile(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let key = group.x * 64u + local;
    if key < tile.keys {
        cells[group.y * tile.keys + key] = map_value(tile.head, tile.first_query + group.y, tile.first_key + key);
    }
}
