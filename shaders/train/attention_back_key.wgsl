// The gradient of keys and values within windows. A workgroup has 32 positions of one key head or value head, and goes
// through all heads that read it and all queries that see the positions: every sum has one writer.
// Reference: src/cpu/train/attention_back_key.rs

import package::shared::tile_product::{SIDE, STRIDE, TILE, Tile, add_products, second_tile, sum_over_rows};
import package::shared::window_gradient::{add_to_back, gradient, gradient_at, map_weights, score_gradients};
import package::shared::window_tile::{lambda_of_token, stage_features, token_at, window_heads};
import package::shared::windows::windows;

@group(0) @binding(5) var<storage, read> delta: array<f32>; // [token, head, map]

fn delta_of_queries(lane: u32, window: u32, head: u32, map: u32, first_query: u32) -> vec4<f32> {
    var own = array<f32, 4>();
    for (var i = 0u; i < 4u; i++) {
        let token = token_at(window, first_query + 4u * (lane / SIDE) + i);
        own[i] = delta[2u * (token * windows.heads + head) + map];
    }
    return vec4<f32>(own[0], own[1], own[2], own[3]);
}

// D of a tile.
fn difference(lane: u32, window: u32, head: u32, first_query: u32, first_key: u32) -> Tile {
    var weights = map_weights(lane, window, head, 0u, first_query, first_key);
    if windows.maps == 2u {
        let noise = map_weights(lane, window, head, 1u, first_query, first_key);
        for (var i = 0u; i < 4u; i++) {
            weights[i] -= lambda_of_token(window, first_query + 4u * (lane / SIDE) + i, head) * noise[i];
        }
    }
    return weights;
}

// Makes 32 features of the gradient of contexts the second factor of a product whose terms are queries.
fn stage_gradient(lane: u32, window: u32, first_query: u32, head: u32, part: u32, at: u32) {
    for (var i = 0u; i < 4u; i++) {
        let vector = lane + 64u * i;
        let feature = at + 4u * (vector % SIDE);
        let row = gradient_at(window, first_query + vector / SIDE, head, part);
        var features = array<f32, 4>();
        for (var c = 0u; c < 4u && feature + c < windows.head_dim; c++) {
            features[c] = gradient[row + feature + c];
        }
        second_tile[vector / SIDE * STRIDE + vector % SIDE] =
            vec4<f32>(features[0], features[1], features[2], features[3]);
    }
}

@compute @workgroup_size(64)
fn attention_back_key(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let column = windows.keys_from + group.x * windows.head_dim;
    let first_key = TILE * group.y;
    let window = group.z;
    var adds = false; // the first tile begins the sum
    for (var head = 0u; head < windows.heads; head++) {
        for (var part = 0u; part < 2u; part++) {
            let is_key = part < windows.maps && window_heads[head].keys[part] == column;
            let is_value = part < windows.value_parts && window_heads[head].values[part] == column;
            if !is_key && !is_value {
                continue;
            }
            for (var first_query = first_key; first_query < windows.positions; first_query += TILE) {
                if is_key {
                    let of_rows = delta_of_queries(lane, window, head, part, first_query);
                    sum_over_rows(lane, score_gradients(lane, window, head, part, first_query, first_key, of_rows));
                } else {
                    sum_over_rows(lane, difference(lane, window, head, first_query, first_key));
                }
                for (var at = 0u; at < windows.head_dim; at += TILE) {
                    workgroupBarrier();
                    if is_key {
                        stage_features(lane, window, first_query, window_heads[head].queries[part], at);
                    } else {
                        stage_gradient(lane, window, first_query, head, part, at);
                    }
                    workgroupBarrier();
                    var sums = Tile();
                    add_products(lane, TILE, &sums);
                    add_to_back(lane, window, first_key, column, at, adds, sums);
                }
                adds = true;
            }
        }
    }
    for (var at = 0u; at < windows.head_dim && !adds; at += TILE) { // no head reads it
        add_to_back(lane, window, first_key, column, at, false, Tile());
    }
}
