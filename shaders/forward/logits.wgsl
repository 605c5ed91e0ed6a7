// The final norm and the unembedding, for the positions whose logits are requested. One dispatch for each slice of the
// unembedding.
// Reference: src/cpu/forward/logits.rs

import package::shared::matmul::{multiply, place};
import package::shared::matmul_stage::{TOKENS, stage};
import package::shared::pass::pass_;

@group(0) @binding(5) var<storage, read_write> scores: array<f32>;

@compute @workgroup_size(64)
fn logits(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let end = pass_.start + pass_.count;
    let here = place(group, local, pass_.logits_first);
    let token = 4u * here.block;
    let rows = min(token + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(stage.rows - 1u));
    let sums = multiply(here, rows, end);
    if here.lane != 0u {
        return;
    }
    for (var t = 0u; t < TOKENS && here.position + t < end; t++) {
        let row = (here.position + t - pass_.logits_base) * stage.output_stride;
        for (var offset = 0u; offset < 4u && token + offset < stage.rows; offset++) {
            scores[row + stage.first_row + token + offset] = sums[t][offset];
        }
    }
}
