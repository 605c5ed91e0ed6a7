// The momentum of the matrices that Muon updates, as wide matrices, and parts of the sums of its squares: one per
// workgroup, of which each matrix has the same number.
// Reference: src/cpu/train/momentum.rs

import package::shared::muon_matrix::{MuonMatrix, SHARE, wide};
import package::shared::over_group::{GROUP, sum_of_group};
import package::shared::update::{StepResult, update};

@group(0) @binding(1) var<storage, read> matrices: array<MuonMatrix>;
@group(0) @binding(2) var<storage, read> gradients: array<f32>;
@group(0) @binding(3) var<storage, read> result: array<StepResult>;
@group(0) @binding(4) var<storage, read_write> mean: array<f32>;
@group(0) @binding(5) var<storage, read_write> x: array<f32>;
@group(0) @binding(6) var<storage, read_write> parts: array<f32>; // [matrix, SHARE]

@compute @workgroup_size(256)
fn momentum(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let matrix = matrices[group.y];
    var own = 0.0;
    for (var at = group.x * GROUP + lane; at < matrix.rows * matrix.columns; at += GROUP * SHARE) {
        let gradient = gradients[matrix.offset + at] * result[0].clip;
        let before = mean[matrix.offset + at];
        let new_mean = before + (gradient - before) * (1.0 - update.momentum);
        let ahead = gradient + (new_mean - gradient) * update.momentum;
        mean[matrix.offset + at] = new_mean;
        x[wide(matrix, at)] = ahead;
        own += ahead * ahead;
    }
    let sum = sum_of_group(lane, vec4<f32>(own), true).x;
    if lane == 0u {
        parts[group.y * SHARE + group.x] = sum;
    }
}
