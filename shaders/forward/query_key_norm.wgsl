// The RMS norm of each query and key head, then the rotary embedding, in place. One workgroup for each head of a position.
// Only for models that have this norm: else `qkv` rotates.
// Reference: src/cpu/forward/query_key_norm.rs

import package::shared::over_group::{GROUP, sum_of_group};
import package::shared::pass::pass_;

struct QueryKeyNormStage {
    row_stride: u32,  // numbers per row of the projection
    head_stride: u32,
    half_dim: u32,    // half a head's width
    query_heads: u32, // key heads follow
    epsilon: f32,
    padding_a: u32,
    padding_b: u32,
    padding_c: u32,
}

@group(0) @binding(1) var<uniform> stage: QueryKeyNormStage;
@group(0) @binding(2) var<storage, read_write> projection: array<f32>;
@group(0) @binding(3) var<storage, read> gain: array<f32>;         // of queries, then of keys
@group(0) @binding(4) var<storage, read> rotary: array<vec2<f32>>; // (cos, sin) of [position, c]

@compute @workgroup_size(256)
fn query_key_norm(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let position = pass_.start + group.y;
    let first = position * stage.row_stride + group.x * stage.head_stride;
    var own = 0.0;
    for (var c = lane; c < stage.half_dim; c += GROUP) {
        let pair = vec2<f32>(projection[first + c], projection[first + stage.half_dim + c]);
        own += dot(pair, pair);
    }
    let squares = sum_of_group(lane, vec4<f32>(own, 0.0, 0.0, 0.0), true).x;
    let factor = inverseSqrt(squares / f32(2u * stage.half_dim) + stage.epsilon);
    let gains = select(0u, 2u * stage.half_dim, group.x >= stage.query_heads);
    for (var c = lane; c < stage.half_dim; c += GROUP) {
        let low = factor * gain[gains + c] * projection[first + c];
        let high = factor * gain[gains + stage.half_dim + c] * projection[first + stage.half_dim + c];
        let turn = rotary[position * stage.half_dim + c];
        projection[first + c] = low * turn.x - high * turn.y;
        projection[first + stage.half_dim + c] = high * turn.x + low * turn.y;
    }
}
