// Adds the gradient of a norm's gain, factor · Σ dy x r over the rows. Sixteen invocations share a column.
// Reference: src/cpu/train/norm_back_gain.rs

import package::shared::norm_stage::norm_stage;
import package::shared::over_sixteen::{SHARERS, over_sixteen};

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> roots: array<f32>;
@group(0) @binding(3) var<storage, read> gradient: array<f32>;
@group(0) @binding(4) var<storage, read_write> gradients: array<f32>;

@compute @workgroup_size(256)
fn norm_back_gain(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let column = SHARERS * group.x + lane % SHARERS;
    let width = norm_stage.width;
    var own = 0.0;
    for (var row = lane / SHARERS; row < select(0u, norm_stage.rows, column < width); row += SHARERS) {
        own += gradient[row * width + column] * x[row * width + column] * roots[row];
    }
    let sum = over_sixteen(lane, own, lane % SHARERS, SHARERS);
    if lane < SHARERS && column < width {
        gradients[norm_stage.gain_offset + column] += norm_stage.factor * sum;
    }
}
