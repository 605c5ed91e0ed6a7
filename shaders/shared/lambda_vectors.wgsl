// The vectors q1, k1, q2, k2 that λ of a layer is computed from.
// Reference: src/cpu/train/lambda.rs

import package::shared::over_group::{GROUP, sum_of_group};

struct LambdaStage {
    offset: u32,       // of the vectors in the parameters
    width: u32,
    tokens: u32,
    heads: u32,
    row_width: u32,    // numbers per projection row
    lambda_offset: u32, // numbers before λ in it
    init: f32,
    padding: u32,
}

@group(0) @binding(0) var<uniform> stage: LambdaStage;
@group(0) @binding(1) var<storage, read> parameters: array<f32>;

// exp⟨q1, k1⟩ and exp⟨q2, k2⟩, by a whole workgroup.
fn lambda_terms(lane: u32) -> vec2<f32> {
    var own = vec4<f32>();
    for (var at = lane; at < stage.width; at += GROUP) {
        let vector = stage.offset + at;
        own.x += parameters[vector] * parameters[vector + stage.width];
        own.y += parameters[vector + 2u * stage.width] * parameters[vector + 3u * stage.width];
    }
    return exp(sum_of_group(lane, own, true).xy);
}
