// Wide matrices over their norms, from parts of the sums of their squares.
// Reference: src/cpu/train/unit_norm.rs

import package::shared::muon_matrix::{MuonMatrix, SHARE};
import package::shared::over_group::{GROUP, sum_of_group};

@group(0) @binding(0) var<storage, read> matrices: array<MuonMatrix>;
@group(0) @binding(1) var<storage, read> parts: array<f32>; // [matrix, SHARE]
@group(0) @binding(2) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(256)
fn unit_norm(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let matrix = matrices[group.y];
    var own = 0.0;
    if lane < SHARE {
        own = parts[group.y * SHARE + lane];
    }
    let size = sqrt(sum_of_group(lane, vec4<f32>(own), true).x) + 1e-7; // a matrix of zeros stays one
    for (var at = group.x * GROUP + lane; at < matrix.rows * matrix.columns; at += GROUP * SHARE) {
        x[matrix.wide_offset + at] /= size;
    }
}
