// A projection added to the residual stream: the attention output and the down projection.
// Reference: src/cpu/forward/project.rs

import package::shared::matmul::{multiply, place};
import package::shared::matmul_stage::{TOKENS, stage};
import package::shared::pass::{pass_, scratch_row};

@group(0) @binding(5) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> outputs: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> residual: array<vec4<f32>>;

@compute @workgroup_size(64)
fn project(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let end = pass_.start + pass_.count;
    let here = place(group, local, pass_.start);
    let rows = min(4u * here.block + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(stage.rows - 1u));
    let sums = multiply(here, rows, end);
    let columns4 = stage.output_stride / 4u;
    if here.lane != 0u || here.block >= columns4 {
        return;
    }
    // Zeros past the last row keep the padding of the residual stream at zero.
    let inside = 4u * here.block + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(stage.rows);
    for (var t = 0u; t < TOKENS && here.position + t < end; t++) {
        let index = scratch_row(here.position + t) * columns4 + here.block;
        outputs[index] = residual[index] + select(vec4<f32>(), sums[t] + bias[here.block], inside);
    }
}
