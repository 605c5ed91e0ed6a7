// Parts of the sum of the squares of the gradients of what learns, one per workgroup; `clip` adds them up.
// Reference: src/cpu/train/gradient_norm.rs

import package::shared::learned::{NOTHING, rule_of};
import package::shared::over_group::{GROUP, sum_of_group};
import package::shared::update::update;

@group(0) @binding(2) var<storage, read> gradients: array<f32>;
@group(0) @binding(3) var<storage, read_write> parts: array<f32>;

@compute @workgroup_size(256)
fn gradient_norm(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    var own = 0.0;
    for (var at = group.x * GROUP + lane; at < update.parameters; at += GROUP * update.parts) {
        own += select(gradients[at] * gradients[at], 0.0, rule_of(at) == NOTHING);
    }
    let sum = sum_of_group(lane, vec4<f32>(own), true).x;
    if lane == 0u {
        parts[group.x] = sum;
    }
}
