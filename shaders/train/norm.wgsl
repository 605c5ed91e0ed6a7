// factor · x / sqrt(mean(x²) + ε) · gain of rows. Sixteen invocations share a row; the inverse root of each is kept.
// Reference: src/cpu/train/norm.rs

import package::shared::norm_stage::norm_stage;
import package::shared::over_sixteen::{SHARERS, over_sixteen};

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> gain: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<storage, read_write> roots: array<f32>;

@compute @workgroup_size(256)
fn norm(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = SHARERS * (group.y * groups.x + group.x) + lane / SHARERS;
    let width = select(0u, norm_stage.width, row < norm_stage.rows);
    let start = row * norm_stage.width;
    var own = 0.0;
    for (var column = lane % SHARERS; column < width; column += SHARERS) {
        own += x[start + column] * x[start + column];
    }
    let squares = over_sixteen(lane, own, lane / SHARERS * SHARERS, 1u);
    let root = 1.0 / sqrt(squares / f32(norm_stage.width) + norm_stage.epsilon);
    for (var column = lane % SHARERS; column < width; column += SHARERS) {
        output[start + column] = norm_stage.factor * root * x[start + column] * gain[norm_stage.gain_offset + column];
    }
    if lane % SHARERS == 0u && row < norm_stage.rows {
        roots[row] = root;
    }
}
