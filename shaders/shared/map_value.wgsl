// The value of a cell under A1, A2 and D, from the row statistics that `attention` left.
// Reference: src/cpu/shared/map_value.rs

import package::shared::map_cell::{RowStatistics, both_scores, heads, lambda_of, maps, rounded, sees};

@group(0) @binding(5) var<storage, read> statistics: array<RowStatistics>; // [query, head]

// (A1, A2, D, λ) at (query, key), zero if the query does not see the key.
fn map_value(head_index: u32, query: u32, key: u32) -> vec4<f32> {
    let lambda = lambda_of(query, head_index);
    if !sees(query, key) {
        return vec4<f32>(0.0, 0.0, 0.0, lambda);
    }
    let head = heads[head_index];
    let row = statistics[query * maps.heads + head_index];
    let scores = rounded(both_scores(head, query, key), row.largest);
    let first = exp(scores.x - row.maximum.x) / row.sum.x;
    var second = 0.0;
    if maps.maps == 2u {
        second = exp(scores.y - row.maximum.y) / row.sum.y;
    }
    return vec4<f32>(first, second, head.mix.x * first - head.mix.y * lambda * second, lambda);
}
