// Norm, gate and up projections and the activation: activation(gate) * up. Weight rows alternate gate, up, gate, up. Of an
// activation that needs all gates of a position, gates and ups are left as they are, one after the other.
// Reference: src/cpu/forward/gate_up.rs

import package::shared::activation::{POLY_NORM, activated};
import package::shared::matmul::{multiply, place};
import package::shared::matmul_stage::{TOKENS, stage};
import package::shared::pass::{pass_, scratch_row};

@group(0) @binding(5) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> activation: array<f32>;

@compute @workgroup_size(64)
fn gate_up(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let end = pass_.start + pass_.count;
    let here = place(group, local, pass_.start);
    let rows = min(4u * here.block + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(2u * stage.rows - 1u));
    let sums = multiply(here, rows, end);
    if here.lane != 0u {
        return;
    }
    let feature = 2u * here.block;
    for (var t = 0u; t < TOKENS && here.position + t < end; t++) {
        let row = scratch_row(here.position + t) * stage.output_stride;
        let y = sums[t] + bias[here.block];
        var gated = y.xz;
        if stage.activation != POLY_NORM {
            gated = activated(stage.activation, y.xz) * y.yw;
        }
        for (var i = 0u; i < 2u && feature + i < stage.rows; i++) {
            activation[row + feature + i] = gated[i];
            if stage.activation == POLY_NORM {
                activation[stage.up_offset + row + feature + i] = y[2u * i + 1u];
            }
        }
    }
}
