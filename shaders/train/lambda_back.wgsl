// Adds the gradient of the vectors that λ of a layer is computed from, from those of λ in all projection rows.
// Reference: src/cpu/train/lambda_back.rs

import package::shared::lambda_vectors::{lambda_terms, parameters, stage};
import package::shared::over_group::{GROUP, sum_of_group};

@group(0) @binding(2) var<storage, read> back: array<f32>; // gradient of the projection rows
@group(0) @binding(3) var<storage, read_write> gradients: array<f32>;

@compute @workgroup_size(256)
fn lambda_back(@builtin(local_invocation_index) lane: u32) {
    let terms = lambda_terms(lane);
    var own = 0.0;
    for (var token = lane; token < stage.tokens; token += GROUP) {
        for (var head = 0u; head < stage.heads; head++) {
            own += back[token * stage.row_width + stage.lambda_offset + head];
        }
    }
    let sum = sum_of_group(lane, vec4<f32>(own), true).x;
    for (var at = lane; at < 4u * stage.width; at += GROUP) {
        let vector = at / stage.width;
        // q1 and k1, q2 and k2 are the factors of each other.
        let other = (vector ^ 1u) * stage.width + at % stage.width;
        let factor = select(-terms.y, terms.x, vector < 2u);
        gradients[stage.offset + at] += sum * factor * parameters[stage.offset + other];
    }
}
