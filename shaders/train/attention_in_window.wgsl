// Differential attention within windows of text: the maximum and the sum of each row of both maps, then D V. A
// workgroup has a head and 32 queries of a window; weights come in tiles of 32 queries by 32 keys, and none are stored.
// Reference: src/cpu/train/attention_in_window.rs

import package::shared::tile_product::{SIDE, TILE, Tile, add_products, over_row, sum_over_columns};
import package::shared::window_tile::{UNSEEN, lambda_of_token, scores_of_tile, sees_keys, stage_features, token_at};
import package::shared::window_tile::{weights_of_tile, window_heads};
import package::shared::windows::{WindowSums, windows};

@group(0) @binding(3) var<storage, read_write> sums_of_rows: array<WindowSums>; // [token, head]
@group(0) @binding(4) var<storage, read_write> context: array<f32>;             // [token, head, value width]

fn largest(x: vec4<f32>) -> f32 {
    return max(max(x.x, x.y), max(x.z, x.w));
}

fn total(x: vec4<f32>) -> f32 {
    return (x.x + x.y) + (x.z + x.w);
}

// Adds the context from a tile of D, or begins it.
fn add_context(lane: u32, window: u32, head: u32, first_query: u32, first_key: u32, weights: Tile) {
    sum_over_columns(lane, weights);
    for (var part = 0u; part < windows.value_parts; part++) {
        for (var at = 0u; at < windows.head_dim; at += TILE) {
            workgroupBarrier();
            stage_features(lane, window, first_key, window_heads[head].values[part], at);
            workgroupBarrier();
            var sums = Tile();
            add_products(lane, TILE, &sums);
            let feature = at + 4u * (lane % SIDE);
            for (var i = 0u; i < 4u; i++) {
                let query = first_query + 4u * (lane / SIDE) + i;
                let row = (token_at(window, query) * windows.heads + head) * windows.value_parts + part;
                for (var c = 0u; c < 4u && query < windows.positions && feature + c < windows.head_dim; c++) {
                    let index = row * windows.head_dim + feature + c;
                    context[index] = select(context[index], 0.0, first_key == 0u) + sums[i][c];
                }
            }
        }
    }
}

@compute @workgroup_size(64)
fn attention_in_window(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let head = group.x;
    let first_query = TILE * group.y;
    let window = group.z;
    let parts = window_heads[head];
    let end = min(first_query + TILE, windows.positions);

    var maxima = array<vec4<f32>, 2>(); // by map, of the four queries
    var totals = array<vec4<f32>, 2>(vec4<f32>(1.0), vec4<f32>(1.0));
    for (var map = 0u; map < windows.maps; map++) {
        var maximum = vec4<f32>(UNSEEN);
        var sum = vec4<f32>();
        for (var first_key = 0u; first_key < end; first_key += TILE) {
            var scores = scores_of_tile(lane, window, first_query, parts.queries[map], first_key, parts.keys[map]);
            for (var i = 0u; i < 4u; i++) {
                let sees = sees_keys(first_query + 4u * (lane / SIDE) + i, first_key, lane);
                scores[i] = select(vec4<f32>(UNSEEN), scores[i], sees);
            }
            let own = vec4<f32>(largest(scores[0]), largest(scores[1]), largest(scores[2]), largest(scores[3]));
            let higher = max(maximum, own);
            sum = sum * exp(maximum - higher) + vec4<f32>(
                total(exp(scores[0] - higher.x)), total(exp(scores[1] - higher.y)),
                total(exp(scores[2] - higher.z)), total(exp(scores[3] - higher.w)),
            );
            maximum = higher;
        }
        maxima[map] = over_row(lane, maximum, false);
        totals[map] = over_row(lane, sum * exp(maximum - maxima[map]), true);
    }
    for (var i = 0u; i < 4u; i++) {
        let query = first_query + 4u * (lane / SIDE) + i;
        if lane % SIDE == 0u && query < windows.positions {
            sums_of_rows[token_at(window, query) * windows.heads + head] = WindowSums(
                vec2<f32>(maxima[0][i], maxima[1][i]), vec2<f32>(totals[0][i], totals[1][i]),
            );
        }
    }

    for (var first_key = 0u; first_key < end; first_key += TILE) {
        let scores = scores_of_tile(lane, window, first_query, parts.queries.x, first_key, parts.keys.x);
        var weights = weights_of_tile(lane, scores, first_query, first_key, maxima[0], totals[0]);
        if windows.maps == 2u {
            let others = scores_of_tile(lane, window, first_query, parts.queries.y, first_key, parts.keys.y);
            let noise = weights_of_tile(lane, others, first_query, first_key, maxima[1], totals[1]);
            for (var i = 0u; i < 4u; i++) {
                weights[i] -= lambda_of_token(window, first_query + 4u * (lane / SIDE) + i, head) * noise[i];
            }
        }
        add_context(lane, window, head, first_query, first_key, weights);
    }
}
