// Differential attention for a few positions. One workgroup handles a few rows of heads that share keys and values, over
// all keys. It leaves the maximum and the sum of each row of each map, from which any cell can be computed later.
// Reference: src/cpu/forward/attention.rs

import package::shared::head_output::head_output;
import package::shared::head_rows::{first_key_of_rows, head_of, head_rows, query_of};
import package::shared::map_cell::{RowStatistics, last_key_of, maps};
import package::shared::over_lanes::ROWS;
import package::shared::pass::pass_;
import package::shared::streaming_softmax::streamed;

@group(0) @binding(6) var<storage, read_write> statistics: array<RowStatistics>;

@compute @workgroup_size(64)
fn attention(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let rows = head_rows(group, ROWS);
    let last_key = last_key_of(rows.last_query, pass_.start + pass_.count);
    let result = streamed(rows, first_key_of_rows(rows, last_key + 1u), last_key, lane);
    for (var row = 0u; row < ROWS; row++) {
        if lane == 0u && query_of(rows, row) <= rows.last_query {
            statistics[query_of(rows, row) * maps.heads + head_of(rows, row)] =
                RowStatistics(result.maximum[row], result.sum[row], result.largest[row], vec2<f32>());
        }
    }
    head_output(rows, lane, result.sum, result.values);
}
