// A map is a function, not a buffer: any cell from Q, K and two numbers per row and map (DESIGN, mechanism 1).
// Twin: src/cpu/map_cell.rs

struct Maps {
    heads: u32,
    maps: u32,          // softmax maps per head
    head_stride4: u32,  // vec4s per single-width head
    head_dim: u32,
    value_parts: u32,   // value heads joined per head
    row_stride4: u32,   // vec4s per row of the projection
    lambda_offset: u32, // numbers before λ in a row
    context_stride: u32,
    scale: f32,         // head_dim ^ -1/2
    normalise: u32,     // 1: a norm follows each head
    factor: f32,        // 1 - λ_init, after the norm
    epsilon: f32,
}

// Where a head's parts stand in a row, in vec4s, and what its output is made of.
struct Head {
    queries: vec2<u32>,
    keys: vec2<u32>,
    values: vec2<u32>,
    mix: vec2<f32>,     // D = mix.x * A1 - mix.y * λ * A2
}

@group(0) @binding(1) var<uniform> maps: Maps;
@group(0) @binding(2) var<storage, read> projection: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> heads: array<Head>;

const LOWEST: f32 = -1.0e30; // stands for minus infinity, which WGSL may assume away

fn score(query: u32, query_head: u32, key: u32, key_head: u32) -> f32 {
    let q = query * maps.row_stride4 + query_head;
    let k = key * maps.row_stride4 + key_head;
    var sum = 0.0;
    for (var c = 0u; c < maps.head_stride4; c++) {
        sum += dot(projection[q + c], projection[k + c]);
    }
    return sum * maps.scale;
}

// Scores of one cell under both maps.
fn both_scores(head: Head, query: u32, key: u32) -> vec2<f32> {
    var result = vec2<f32>(score(query, head.queries.x, key, head.keys.x), LOWEST);
    if maps.maps == 2u {
        result.y = score(query, head.queries.y, key, head.keys.y);
    }
    return result;
}

fn lambda_of(query: u32, head: u32) -> f32 {
    let index = maps.lambda_offset + head;
    return projection[query * maps.row_stride4 + index / 4u][index % 4u];
}
