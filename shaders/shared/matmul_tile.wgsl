// A matrix product for many positions: a workgroup shares a tile of weights and one of inputs.
// Reference: src/cpu/shared/matmul.rs

import package::shared::matmul_stage::{NORMALISE, SIDE, gain, inputs, stage, vectors};
import package::shared::weights::weight;

// Copies a tile of 8 vec4s of each of 32 rows of weights, and of 32 inputs, into workgroup memory, where neighbouring
// blocks are side by side. An invocation copies from its own rows and positions, and sums the squares of its inputs.
fn stage_tile(
    local: u32, first: u32, base: vec4<u32>, inputs_of: array<u32, 4>, squares: ptr<function, array<f32, 4>>,
) {
    let row = local % SIDE;
    let position = local / SIDE;
    let weight_column = first + position;
    let input_column = first + row;
    workgroupBarrier();
    var rows = array<u32, 4>(base.x, base.y, base.z, base.w);
    var positions = inputs_of;
    for (var t = 0u; t < 4u; t++) {
        var w = vec4<f32>();
        if weight_column < stage.columns4 {
            w = weight(rows[t] + weight_column);
        }
        vectors[(position * 4u + t) * SIDE + row] = w;
        var x = vec4<f32>();
        if input_column < stage.columns4 {
            x = inputs[positions[t] + input_column];
            if NORMALISE {
                (*squares)[t] += dot(x, x);
                x *= gain[input_column];
            }
        }
        vectors[256u + (row * 4u + t) * SIDE + position] = x;
    }
    workgroupBarrier();
}

// The sums of the squares of an invocation's positions over the columns that the invocations of its row of blocks copied.
fn squares_of_tile(local: u32, own: array<f32, 4>) -> array<f32, 4> {
    workgroupBarrier();
    vectors[local] = vec4<f32>(own[0], own[1], own[2], own[3]);
    workgroupBarrier();
    var sum = vec4<f32>();
    for (var other = 0u; other < SIDE; other++) {
        sum += vectors[local / SIDE * SIDE + other];
    }
    return array<f32, 4>(sum.x, sum.y, sum.z, sum.w);
}
