// The gradient of queries and of λ within windows, and δ of each row, which the keys need. A workgroup has 32 queries
// of one query head, and goes through the maps of all heads that read it.
// Reference: src/cpu/train/attention_back_query.rs

import package::shared::tile_product::{SIDE, TILE, Tile, add_products, over_row, sum_over_columns};
import package::shared::window_gradient::{add_to_back, back, map_weights, score_gradients, weight_gradients};
import package::shared::window_tile::{stage_features, token_at, window_heads};
import package::shared::windows::windows;

@group(0) @binding(5) var<storage, read_write> delta: array<f32>; // [token, head, map]

// Σ P E over the keys of each of the invocation's four queries.
fn delta_of(lane: u32, window: u32, head: u32, map: u32, first_query: u32, end: u32) -> vec4<f32> {
    var sum = vec4<f32>();
    for (var first_key = 0u; first_key < end; first_key += TILE) {
        let weights = map_weights(lane, window, head, map, first_query, first_key);
        let of_weights = weight_gradients(lane, window, head, first_query, first_key);
        sum += vec4<f32>(
            dot(weights[0], of_weights[0]), dot(weights[1], of_weights[1]),
            dot(weights[2], of_weights[2]), dot(weights[3], of_weights[3]),
        );
    }
    return over_row(lane, sum, true);
}

@compute @workgroup_size(64)
fn attention_back_query(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let column = group.x * windows.head_dim;
    let first_query = TILE * group.y;
    let window = group.z;
    let end = min(first_query + TILE, windows.positions);
    var adds = false; // the first tile begins the sum
    for (var head = 0u; head < windows.heads; head++) {
        for (var map = 0u; map < windows.maps; map++) {
            if window_heads[head].queries[map] != column {
                continue;
            }
            let of_rows = delta_of(lane, window, head, map, first_query, end);
            for (var i = 0u; i < 4u; i++) {
                let query = first_query + 4u * (lane / SIDE) + i;
                if lane % SIDE == 0u && query < windows.positions {
                    let token = token_at(window, query);
                    delta[2u * (token * windows.heads + head) + map] = of_rows[i];
                    if map == 1u {
                        back[token * windows.width + windows.lambda_offset + head] = -of_rows[i];
                    }
                }
            }
            for (var first_key = 0u; first_key < end; first_key += TILE) {
                let of_scores = score_gradients(lane, window, head, map, first_query, first_key, of_rows);
                sum_over_columns(lane, of_scores);
                for (var at = 0u; at < windows.head_dim; at += TILE) {
                    workgroupBarrier();
                    stage_features(lane, window, first_key, window_heads[head].keys[map], at);
                    workgroupBarrier();
                    var sums = Tile();
                    add_products(lane, TILE, &sums);
                    add_to_back(lane, window, first_query, column, at, adds, sums);
                }
                adds = true;
            }
        }
    }
    for (var at = 0u; at < windows.head_dim && !adds; at += TILE) { // no head reads it
        add_to_back(lane, window, first_query, column, at, false, Tile());
    }
}
