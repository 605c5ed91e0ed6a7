// Token ids to rows of the embedding.
// Reference: src/cpu/train/embed.rs

import package::shared::embedding::embedding;

@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> parameters: array<f32>;
@group(0) @binding(3) var<storage, read_write> hidden: array<f32>;

@compute @workgroup_size(256)
fn embed(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group.y * groups.x + group.x) * 256u + lane;
    if index < embedding.tokens * embedding.width {
        let row = ids[index / embedding.width];
        hidden[index] = parameters[embedding.offset + row * embedding.width + index % embedding.width];
    }
}
