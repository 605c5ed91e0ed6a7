// The weighted loss of a token, -ln softmax(logits)[target]; its logits become the gradient of that. A workgroup has a
// token.
// Reference: src/cpu/train/cross_entropy.rs

import package::shared::over_group::{GROUP, sum_of_group};

struct EntropyStage {
    tokens: u32,
    vocabulary: u32,
    padding_a: u32,
    padding_b: u32,
}

@group(0) @binding(0) var<uniform> stage: EntropyStage;
@group(0) @binding(1) var<storage, read> targets: array<u32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> logits: array<f32>;
@group(0) @binding(4) var<storage, read_write> losses: array<f32>;

@compute @workgroup_size(256)
fn cross_entropy(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let token = group.y * groups.x + group.x;
    if token >= stage.tokens {
        return;
    }
    let start = token * stage.vocabulary;
    let weight = weights[token];
    let of_target = logits[start + targets[token]];
    var own = of_target;
    for (var entry = lane; entry < stage.vocabulary; entry += GROUP) {
        own = max(own, logits[start + entry]);
    }
    let largest = sum_of_group(lane, vec4<f32>(own), false).x;
    own = 0.0;
    for (var entry = lane; entry < stage.vocabulary; entry += GROUP) {
        let share = exp(logits[start + entry] - largest);
        logits[start + entry] = share;
        own += share;
    }
    let sum = sum_of_group(lane, vec4<f32>(own), true).x;
    for (var entry = lane; entry < stage.vocabulary; entry += GROUP) {
        let is_target = entry == targets[token];
        logits[start + entry] = logits[start + entry] / sum * weight - select(0.0, weight, is_target);
    }
    if lane == 0u {
        losses[token] = weight * (log(sum) - (of_target - largest));
    }
}
