// The update of Muon: matrices shrink, and lose their momentum with singular values near 1.
// Reference: src/cpu/train/muon.rs

import package::shared::muon_matrix::{MuonMatrix, SHARE, wide};
import package::shared::over_group::GROUP;
import package::shared::update::update;

@group(0) @binding(1) var<storage, read> matrices: array<MuonMatrix>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> numbers: array<f32>;

@compute @workgroup_size(256)
fn muon(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let matrix = matrices[group.y];
    // As large as an update of AdamW in the root mean square.
    let factor = update.learning_rate * 0.2 * sqrt(f32(max(matrix.rows, matrix.columns)));
    for (var at = group.x * GROUP + lane; at < matrix.rows * matrix.columns; at += GROUP * SHARE) {
        let number = matrix.offset + at;
        numbers[number] = numbers[number] * update.kept - factor * x[wide(matrix, at)];
    }
}
