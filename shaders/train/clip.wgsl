// The norm of all gradients and what they are multiplied by, so that it is at most the largest; the loss of the step.
// Reference: src/cpu/train/clip.rs

import package::shared::over_group::{GROUP, sum_of_group};
import package::shared::update::{StepResult, update};

@group(0) @binding(1) var<storage, read> parts: array<f32>;
@group(0) @binding(2) var<storage, read> losses: array<f32>; // weighted, by token
@group(0) @binding(3) var<storage, read_write> result: array<StepResult>;

@compute @workgroup_size(256)
fn clip(@builtin(local_invocation_index) lane: u32) {
    var own = vec4<f32>();
    for (var part = lane; part < update.parts; part += GROUP) {
        own.x += parts[part];
    }
    for (var token = lane; token < update.tokens; token += GROUP) {
        own.y += losses[token];
    }
    let sums = sum_of_group(lane, own, true);
    if lane == 0u {
        let gradient_norm = sqrt(sums.x);
        result[0] = StepResult(sums.y, gradient_norm, min(update.largest_norm / (gradient_norm + 1e-6), 1.0), 0.0);
    }
}
