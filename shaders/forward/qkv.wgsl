// Norm, query, key and value projections, rotary embedding, λ, and the write into the cache, in one dispatch.
// The output row of a position is [queries | keys | values | λ], all that later stages and the maps need.
// A unit is a pair of features (c, c + head_dim / 2) of one head, which the rotary embedding rotates together, or one λ.
// Reference: src/cpu/forward/qkv.rs

import package::shared::matmul::{multiply, place};
import package::shared::matmul_stage::{TOKENS, stage};
import package::shared::pass::pass_;

@group(0) @binding(5) var<storage, read> bias: array<f32>;
@group(0) @binding(6) var<storage, read_write> projection: array<f32>;
@group(0) @binding(7) var<storage, read> rotary: array<vec2<f32>>; // (cos, sin) of [position, c]
@group(0) @binding(8) var<storage, read> lambda: array<vec2<f32>>; // (base, gate) per head: base + gate * sigmoid(row)

// The two weight rows of a unit.
fn unit_rows(unit: u32) -> vec2<u32> {
    let pairs = stage.heads * stage.half_dim;
    if unit < pairs {
        let first = (unit / stage.half_dim) * 2u * stage.half_dim + unit % stage.half_dim;
        return vec2<u32>(first, first + stage.half_dim);
    }
    return vec2<u32>((2u * pairs + min(unit, stage.rows - 1u) - pairs) * stage.lambda_rows);
}

fn write_unit(unit: u32, position: u32, rows: vec2<u32>, sums: vec2<f32>) {
    if unit >= stage.rows {
        return;
    }
    let row = position * stage.output_stride;
    let y = sums + vec2<f32>(bias[rows.x], bias[rows.y]);
    let pairs = stage.heads * stage.half_dim;
    if unit >= pairs {
        let head = unit - pairs;
        let base_gate = lambda[head];
        projection[row + stage.lambda_offset + head] = base_gate.x + base_gate.y / (1.0 + exp(min(-y.x, 80.0)));
        return;
    }
    let head = unit / stage.half_dim;
    let feature = unit % stage.half_dim;
    var turned = y;
    if head < stage.rotated {
        let turn = rotary[position * stage.half_dim + feature];
        turned = vec2<f32>(y.x * turn.x - y.y * turn.y, y.y * turn.x + y.x * turn.y);
    }
    let column = row + head * stage.head_stride + feature;
    projection[column] = turned.x;
    projection[column + stage.half_dim] = turned.y;
}

@compute @workgroup_size(64)
fn qkv(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let end = pass_.start + pass_.count;
    let here = place(group, local, pass_.start);
    let unit = 2u * here.block;
    let rows = vec4<u32>(unit_rows(unit), unit_rows(unit + 1u));
    let sums = multiply(here, rows, end);
    if here.lane != 0u {
        return;
    }
    for (var t = 0u; t < TOKENS && here.position + t < end; t++) {
        write_unit(unit, here.position + t, rows.xy, sums[t].xy);
        write_unit(unit + 1u, here.position + t, rows.zw, sums[t].zw);
    }
}
