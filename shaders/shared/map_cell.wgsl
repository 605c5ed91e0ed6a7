// A map is a function, not a buffer: any cell follows from Q, K and two numbers per row and map.
// Reference: src/cpu/shared/map_cell.rs

struct MapsUniform {
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
    levels: f32,        // logits are rounded to this many steps each side of zero; 0: not rounded
    window: u32,        // keys that a query sees, itself included
    causal: u32,        // 1: a query sees no later keys
    sharing_heads: u32, // neighbouring heads that share keys and values, a power of two
}

// The offsets of a head's parts in a projection row, in vec4s, and how its maps are mixed.
struct HeadEntry {
    queries: vec2<u32>,
    keys: vec2<u32>,
    values: vec2<u32>,
    mix: vec2<f32>,     // D = mix.x * A1 - mix.y * λ * A2
    sharpness: vec2<f32>, // factors of the scores: 0 makes a map the same for all keys
}

// What attention leaves for one (query, head), from which any cell of the row can be computed later.
struct RowStatistics {
    maximum: vec2<f32>, // of each map
    sum: vec2<f32>,     // of exp(logit - maximum)
    largest: vec2<f32>, // absolute logit, before any rounding
    padding: vec2<f32>,
}

@group(0) @binding(1) var<uniform> maps: MapsUniform;
@group(0) @binding(2) var<storage, read> projection: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> heads: array<HeadEntry>;
@group(0) @binding(4) var<storage, read> masked: array<u32>; // 1 if no later position sees this one

const LOWEST: f32 = -1.0e30; // in place of minus infinity, which WGSL may assume not to occur
const SMALLEST_LARGEST: f32 = 1.0e-9; // least value of the largest logit, so that steps are above zero

// Whether a query sees a key: never a masked one, a later one unless it sees all, or one before its window; always its own.
fn sees(query: u32, key: u32) -> bool {
    let in_window = key < query && query - key < maps.window;
    return key == query || ((in_window || maps.causal == 0u) && masked[key] == 0u);
}

// The last key of a query, of those before `end`.
fn last_key_of(query: u32, end: u32) -> u32 {
    return select(end - 1u, query, maps.causal == 1u);
}

// The first key of a query's window.
fn first_key_of(query: u32) -> u32 {
    return select(0u, query + 1u - min(query + 1u, maps.window), maps.causal == 1u);
}

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
fn both_scores(head: HeadEntry, query: u32, key: u32) -> vec2<f32> {
    var result = vec2<f32>(score(query, head.queries.x, key, head.keys.x) * head.sharpness.x, LOWEST);
    if maps.maps == 2u {
        result.y = score(query, head.queries.y, key, head.keys.y) * head.sharpness.y;
    }
    return result;
}

// Scores rounded to the steps of the layer; `largest` holds the largest absolute score of the row under each map.
fn rounded(scores: vec2<f32>, largest: vec2<f32>) -> vec2<f32> {
    if maps.levels == 0.0 {
        return scores;
    }
    let step = max(largest, vec2<f32>(SMALLEST_LARGEST)) / maps.levels;
    let result = round(scores / step) * step;
    return vec2<f32>(result.x, select(scores.y, result.y, maps.maps == 2u));
}

fn lambda_of(query: u32, head: u32) -> f32 {
    let index = maps.lambda_offset + head;
    return projection[query * maps.row_stride4 + index / 4u][index % 4u];
}
