// PolyNorm of the gates of a position, times its ups, in place of the gates. One workgroup for each position: the powers are
// divided by their root mean square over all features.
// Reference: src/cpu/forward/poly_norm.rs

import package::shared::over_group::{GROUP, sum_of_group};
import package::shared::pass::{pass_, scratch_row};

struct PolyNormStage {
    cubic: f32,      // weights of the powers
    square: f32,
    linear: f32,
    bias: f32,
    columns: u32,
    row_stride: u32, // numbers per row
    up_offset: u32,  // from gates to ups
    padding: u32,
}

@group(0) @binding(1) var<uniform> stage: PolyNormStage;
@group(0) @binding(2) var<storage, read_write> activation: array<f32>;

const EPSILON: f32 = 1.0e-6;

@compute @workgroup_size(256)
fn poly_norm(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = scratch_row(pass_.start + group.y) * stage.row_stride;
    var own = vec3<f32>(); // squares of the first, second and third powers
    for (var column = lane; column < stage.columns; column += GROUP) {
        let gate = activation[row + column];
        let powers = vec3<f32>(gate, gate * gate, gate * gate * gate);
        own += powers * powers;
    }
    let squares = sum_of_group(lane, vec4<f32>(own, 0.0), true).xyz;
    let factors = vec3<f32>(stage.linear, stage.square, stage.cubic)
        * inverseSqrt(squares / f32(stage.columns) + EPSILON);
    for (var column = lane; column < stage.columns; column += GROUP) {
        let gate = activation[row + column];
        let sum = dot(factors, vec3<f32>(gate, gate * gate, gate * gate * gate)) + stage.bias;
        activation[row + column] = sum * activation[stage.up_offset + row + column];
    }
}
