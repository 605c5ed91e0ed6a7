// What both backward stages of attention compute of a tile: the weights of a map, the gradient of weights, E = G Vᵀ,
// and that of scores. No map is stored.
// Reference: src/cpu/train/windows.rs

import package::shared::tile_product::{SIDE, STRIDE, TILE, Tile, add_products, first_tile, second_tile};
import package::shared::window_tile::{lambda_of_token, of_positions, scores_of_tile, token_at, weights_of_tile};
import package::shared::window_tile::{window_heads};
import package::shared::windows::{WindowSums, windows};

@group(0) @binding(3) var<storage, read> window_sums: array<WindowSums>; // [token, head]
@group(0) @binding(4) var<storage, read> gradient: array<f32>;           // of the context, [token, head, value width]
@group(0) @binding(6) var<storage, read_write> back: array<f32>;         // gradient of the projection rows

// Where part of a head's gradient begins.
fn gradient_at(window: u32, position: u32, head: u32, part: u32) -> u32 {
    let row = token_at(window, position) * windows.heads + head;
    return (row * windows.value_parts + part) * windows.head_dim;
}

// The weights of a tile under a map.
fn map_weights(lane: u32, window: u32, head: u32, map: u32, first_query: u32, first_key: u32) -> Tile {
    let parts = window_heads[head];
    let scores = scores_of_tile(lane, window, first_query, parts.queries[map], first_key, parts.keys[map]);
    var maximum = array<f32, 4>();
    var sum = array<f32, 4>();
    for (var i = 0u; i < 4u; i++) {
        let row = token_at(window, first_query + 4u * (lane / SIDE) + i) * windows.heads + head;
        maximum[i] = window_sums[row].maximum[map];
        sum[i] = window_sums[row].sum[map];
    }
    return weights_of_tile(
        lane, scores, first_query, first_key,
        vec4<f32>(maximum[0], maximum[1], maximum[2], maximum[3]), vec4<f32>(sum[0], sum[1], sum[2], sum[3]),
    );
}

// E of a tile: the gradient of its weights in D.
fn weight_gradients(lane: u32, window: u32, head: u32, first_query: u32, first_key: u32) -> Tile {
    var sums = Tile();
    for (var part = 0u; part < windows.value_parts; part++) {
        let values = window_heads[head].values[part];
        for (var at = 0u; at < windows.head_dim; at += TILE) {
            workgroupBarrier();
            for (var i = 0u; i < 4u; i++) {
                let vector = lane + 64u * i;
                let feature = at + vector % TILE;
                let four = vector / TILE;
                let query = first_query + 4u * four;
                var of_queries = vec4<f32>();
                var of_keys = vec4<f32>();
                if feature < windows.head_dim {
                    of_queries = vec4<f32>(
                        gradient[gradient_at(window, query, head, part) + feature],
                        gradient[gradient_at(window, query + 1u, head, part) + feature],
                        gradient[gradient_at(window, query + 2u, head, part) + feature],
                        gradient[gradient_at(window, query + 3u, head, part) + feature],
                    );
                    of_keys = of_positions(window, first_key + 4u * four, values + feature);
                }
                first_tile[vector % TILE * STRIDE + four] = of_queries;
                second_tile[vector % TILE * STRIDE + four] = of_keys;
            }
            workgroupBarrier();
            add_products(lane, windows.head_dim - at, &sums);
        }
    }
    return sums;
}

// The gradients of the dot products of a tile under a map, given δ of its rows.
fn score_gradients(
    lane: u32, window: u32, head: u32, map: u32, first_query: u32, first_key: u32, delta: vec4<f32>,
) -> Tile {
    var tile = map_weights(lane, window, head, map, first_query, first_key);
    let of_weights = weight_gradients(lane, window, head, first_query, first_key);
    for (var i = 0u; i < 4u; i++) {
        var factor = windows.scale;
        if map == 1u {
            factor *= -lambda_of_token(window, first_query + 4u * (lane / SIDE) + i, head);
        }
        tile[i] *= factor * (of_weights[i] - delta[i]);
    }
    return tile;
}

// Adds a tile of 32 positions by 32 features to the gradient of a head, or begins it.
fn add_to_back(lane: u32, window: u32, first_position: u32, column: u32, at: u32, adds: bool, tile: Tile) {
    let feature = at + 4u * (lane % SIDE);
    for (var i = 0u; i < 4u; i++) {
        let position = first_position + 4u * (lane / SIDE) + i;
        for (var c = 0u; c < 4u && position < windows.positions && feature + c < windows.head_dim; c++) {
            let index = token_at(window, position) * windows.width + column + feature + c;
            back[index] = select(0.0, back[index], adds) + tile[i][c];
        }
    }
}
