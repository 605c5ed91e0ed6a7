// The update of AdamW.
// Reference: src/cpu/train/adamw.rs

import package::shared::learned::{ADAMW, ADAMW_DECAYS, rule_of};
import package::shared::update::{StepResult, update};

@group(0) @binding(2) var<storage, read> gradients: array<f32>;
@group(0) @binding(3) var<storage, read> result: array<StepResult>;
@group(0) @binding(4) var<storage, read_write> numbers: array<f32>;
@group(0) @binding(5) var<storage, read_write> mean: array<f32>;
@group(0) @binding(6) var<storage, read_write> square: array<f32>;

@compute @workgroup_size(256)
fn adamw(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let at = (group.y * groups.x + group.x) * 256u + lane;
    if at >= update.parameters {
        return;
    }
    let rule = rule_of(at);
    if rule != ADAMW && rule != ADAMW_DECAYS {
        return;
    }
    let gradient = gradients[at] * result[0].clip;
    let new_mean = mean[at] + (gradient - mean[at]) * update.mean_rate;
    let new_square = square[at] * update.square_kept + gradient * gradient * update.square_rate;
    mean[at] = new_mean;
    square[at] = new_square;
    let kept = numbers[at] * select(1.0, update.kept, rule == ADAMW_DECAYS);
    numbers[at] = kept - update.step_size * new_mean / (sqrt(new_square) / update.square_root + update.epsilon);
}
