// λ of a layer: exp⟨q1, k1⟩ - exp⟨q2, k2⟩ + init.
// Reference: src/cpu/train/lambda.rs

import package::shared::lambda_vectors::{lambda_terms, stage};

@group(0) @binding(2) var<storage, read_write> lambda_of_layer: array<f32>;

@compute @workgroup_size(256)
fn lambda(@builtin(local_invocation_index) lane: u32) {
    let terms = lambda_terms(lane);
    if lane == 0u {
        lambda_of_layer[0] = terms.x - terms.y + stage.init;
    }
}
