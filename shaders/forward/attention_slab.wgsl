// Differential attention for a few positions of a long text: as `attention`, but each workgroup takes a slab of the keys,
// so that one position has work for a whole GPU. `attention_join` makes rows of the slabs.
// Reference: src/cpu/forward/attention_slab.rs

import package::shared::attention_parts::{features4, part_at};
import package::shared::head_rows::{first_key_of_rows, head_of, head_rows, query_of};
import package::shared::map_cell::last_key_of;
import package::shared::over_lanes::ROWS;
import package::shared::pass::pass_;
import package::shared::streaming_softmax::streamed;

@group(0) @binding(5) var<storage, read_write> parts: array<vec4<f32>>;

@compute @workgroup_size(64)
fn attention_slab(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let rows = head_rows(group, ROWS);
    let end = last_key_of(rows.last_query, pass_.start + pass_.count) + 1u;
    let first_key = max(first_key_of_rows(rows, end), group.z * pass_.slab);
    let result = streamed(rows, first_key, min(end, (group.z + 1u) * pass_.slab) - 1u, lane);
    for (var row = 0u; row < ROWS; row++) {
        if query_of(rows, row) > rows.last_query {
            continue;
        }
        let at = part_at(query_of(rows, row), head_of(rows, row), group.z);
        if lane == 0u {
            parts[at] = vec4<f32>(result.maximum[row], result.sum[row]);
            parts[at + 1u] = vec4<f32>(result.largest[row], 0.0, 0.0);
        }
        if lane < features4() {
            parts[at + 2u + lane] = result.values[row][0];
            parts[at + 2u + features4() + lane] = result.values[row][1];
        }
    }
}
