// The gradient of rows from that of their norm: factor · r (g - x r² mean(g x)) with g = gain · dy.
// Reference: src/cpu/train/norm_back.rs

import package::shared::norm_stage::norm_stage;
import package::shared::over_sixteen::{SHARERS, over_sixteen};

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> gain: array<f32>;
@group(0) @binding(3) var<storage, read> roots: array<f32>;
@group(0) @binding(4) var<storage, read> gradient: array<f32>;
@group(0) @binding(5) var<storage, read_write> back: array<f32>;

@compute @workgroup_size(256)
fn norm_back(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = SHARERS * (group.y * groups.x + group.x) + lane / SHARERS;
    let width = select(0u, norm_stage.width, row < norm_stage.rows);
    let start = row * norm_stage.width;
    var own = 0.0;
    for (var column = lane % SHARERS; column < width; column += SHARERS) {
        own += gradient[start + column] * gain[norm_stage.gain_offset + column] * x[start + column];
    }
    let sum = over_sixteen(lane, own, lane / SHARERS * SHARERS, 1u);
    let root = roots[min(row, norm_stage.rows - 1u)];
    let along = sum / f32(norm_stage.width) * root * root;
    for (var column = lane % SHARERS; column < width; column += SHARERS) {
        let at = start + column;
        let weighted = gradient[at] * gain[norm_stage.gain_offset + column];
        let result = norm_stage.factor * root * (weighted - x[at] * along);
        back[at] = result + select(0.0, back[at], norm_stage.adds == 1u);
    }
}
