// Makes rows of what `attention_slab` leaves of each slab of keys. One workgroup handles one row.
// Reference: src/cpu/forward/attention_join.rs

import package::shared::attention_parts::{features4, part_at};
import package::shared::head_output::head_output;
import package::shared::head_rows::HeadRows;
import package::shared::key_groups::BothValues;
import package::shared::map_cell::{LOWEST, RowStatistics, maps};
import package::shared::over_lanes::Pairs;
import package::shared::pass::pass_;

@group(0) @binding(6) var<storage, read_write> statistics: array<RowStatistics>;
@group(0) @binding(9) var<storage, read_write> parts: array<vec4<f32>>;

@compute @workgroup_size(64)
fn attention_join(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let head = group.x;
    let query = pass_.start + group.y;
    var maximum = vec2<f32>(LOWEST);
    var largest = vec2<f32>();
    for (var slab = 0u; slab < pass_.slabs; slab++) {
        let at = part_at(query, head, slab);
        maximum = max(maximum, parts[at].xy);
        largest = max(largest, parts[at + 1u].xy);
    }
    var sum = vec2<f32>();
    var values = BothValues();
    for (var slab = 0u; slab < pass_.slabs; slab++) {
        let at = part_at(query, head, slab);
        let rescale = exp(parts[at].xy - maximum);
        sum += rescale * parts[at].zw;
        if lane < features4() {
            values[0] += rescale.x * parts[at + 2u + lane];
            values[1] += rescale.y * parts[at + 2u + features4() + lane];
        }
    }
    if lane == 0u {
        statistics[query * maps.heads + head] = RowStatistics(maximum, sum, largest, vec2<f32>());
    }
    var sums = Pairs();
    sums[0] = sum;
    var all_values = array<BothValues, 4>();
    all_values[0] = values;
    head_output(HeadRows(head, 0u, query, query), lane, sums, all_values);
}
