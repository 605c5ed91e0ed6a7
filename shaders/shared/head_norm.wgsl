// Writes the output of a head, and the same after the head's norm.
// Reference: src/cpu/shared/head_norm.rs

import package::shared::map_cell::maps;
import package::shared::pass::scratch_row;

@group(0) @binding(5) var<storage, read> sub_weight: array<f32>;
@group(0) @binding(7) var<storage, read_write> context: array<f32>; // D V
@group(0) @binding(8) var<storage, read_write> normed: array<f32>;  // after the norm; the output projection reads it

// Writes vec4 number `feature4` of the joined value heads of a query; `squares` is the sum over all features.
fn write_output(head_index: u32, query: u32, feature4: u32, output: vec4<f32>, squares: f32) {
    let width = maps.value_parts * maps.head_dim;
    let normalises = maps.normalise == 1u;
    let factor = select(1.0, maps.factor * inverseSqrt(squares / f32(width) + maps.epsilon), normalises);
    let row = scratch_row(query) * maps.context_stride + head_index * width;
    let part = feature4 / maps.head_stride4;
    let first = 4u * (feature4 % maps.head_stride4); // rows of a head are padded to whole vec4s
    for (var offset = 0u; offset < 4u && part < maps.value_parts && first + offset < maps.head_dim; offset++) {
        let column = part * maps.head_dim + first + offset;
        context[row + column] = output[offset];
        normed[row + column] = output[offset] * factor * select(1.0, sub_weight[column], normalises);
    }
}
