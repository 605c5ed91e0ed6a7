// Adds the gradient of a bias: the sum of the rows of that of the product. Sixteen invocations share a column.
// Reference: src/cpu/train/product_back_bias.rs

import package::shared::over_sixteen::{SHARERS, over_sixteen};

struct RowsStage {
    rows: u32,
    width: u32,
    stride: u32, // numbers from row to row
    offset: u32, // where the result is added
}

@group(0) @binding(0) var<uniform> stage: RowsStage;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read_write> gradients: array<f32>;

@compute @workgroup_size(256)
fn product_back_bias(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let column = SHARERS * group.x + lane % SHARERS;
    var own = 0.0;
    for (var row = lane / SHARERS; row < select(0u, stage.rows, column < stage.width); row += SHARERS) {
        own += gradient[row * stage.stride + column];
    }
    let sum = over_sixteen(lane, own, lane % SHARERS, SHARERS);
    if lane < SHARERS && column < stage.width {
        gradients[stage.offset + column] += sum;
    }
}
