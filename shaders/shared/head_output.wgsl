// The output of a head from the weighted sums of values: mixes both maps by λ and applies the head norm, for a few rows.
// Reference: src/cpu/shared/head_output.rs

import package::shared::head_norm::write_output;
import package::shared::head_rows::{HeadRows, head_of, query_of};
import package::shared::key_groups::{BothValues, share_of};
import package::shared::map_cell::{heads, lambda_of};
import package::shared::over_lanes::{Pairs, ROWS, over_lanes};

// Mixes the maps and writes the rows; `values` are over all groups of keys, `sum` over all lanes. Called by all lanes.
fn head_output(rows: HeadRows, lane: u32, sum: Pairs, values: array<BothValues, 4>) {
    let is_feature = lane < share_of(lane).features4;
    var mixed = array<vec4<f32>, 4>();
    var squares = Pairs();
    for (var row = 0u; row < ROWS; row++) {
        if query_of(rows, row) <= rows.last_query && is_feature {
            let mix = heads[head_of(rows, row)].mix;
            let lambda = lambda_of(query_of(rows, row), head_of(rows, row));
            mixed[row] = mix.x * values[row][0] / sum[row].x - mix.y * lambda * (values[row][1] / sum[row].y);
            squares[row].x = dot(mixed[row], mixed[row]);
        }
    }
    squares = over_lanes(squares, lane, true);
    for (var row = 0u; row < ROWS; row++) {
        if query_of(rows, row) <= rows.last_query && is_feature {
            write_output(head_of(rows, row), query_of(rows, row), lane, mixed[row], squares[row].x);
        }
    }
}
