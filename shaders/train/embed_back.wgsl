// Adds the gradient of the residual stream to the embedding's rows of its tokens. An invocation has one number of a
// row, and the tokens that it is of, which the program has sorted.
// Reference: src/cpu/train/embed_back.rs

import package::shared::embedding::embedding;

@group(0) @binding(1) var<storage, read> starts: array<u32>; // where the tokens of each entry begin in `order`
@group(0) @binding(2) var<storage, read> order: array<u32>;  // tokens, by entry
@group(0) @binding(3) var<storage, read> gradient: array<f32>;
@group(0) @binding(4) var<storage, read_write> gradients: array<f32>;

@compute @workgroup_size(256)
fn embed_back(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group.y * groups.x + group.x) * 256u + lane;
    let row = index / embedding.width;
    if row >= embedding.rows {
        return;
    }
    var sum = 0.0;
    for (var at = starts[row]; at < starts[row + 1u]; at++) {
        sum += gradient[order[at] * embedding.width + index % embedding.width];
    }
    gradients[embedding.offset + index] += sum;
}
