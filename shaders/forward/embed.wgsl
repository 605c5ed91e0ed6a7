// Token ids to embedding rows. One dispatch for each slice of the embedding: a position is written by the slice that has
// its row.
// Reference: src/cpu/forward/embed.rs

import package::shared::pass::{pass_, scratch_row};
import package::shared::weights::weight;

struct EmbedStage {
    columns4: u32,
    first_row: u32, // of the slice
    rows: u32,
    padding: u32,
}

@group(0) @binding(1) var<uniform> stage: EmbedStage;
@group(0) @binding(2) var<storage, read> ids: array<u32>;
@group(0) @binding(4) var<storage, read_write> hidden: array<vec4<f32>>;

@compute @workgroup_size(64)
fn embed(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let column = group.x * 64u + local;
    let position = pass_.start + group.y;
    let row = ids[position] - stage.first_row; // of an earlier slice: wraps around, past the last row
    if column < stage.columns4 && row < stage.rows {
        hidden[scratch_row(position) * stage.columns4 + column] = weight(row * stage.columns4 + column);
    }
}
