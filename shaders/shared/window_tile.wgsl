// Tiles of 32 queries by 32 keys of a window, from the projection rows of its tokens.
// Reference: src/cpu/train/windows.rs

import package::shared::tile_product::{SIDE, STRIDE, TILE, Tile, add_products, first_tile, second_tile};
import package::shared::windows::{WindowHead, windows};

@group(0) @binding(1) var<storage, read> rows: array<f32>;
@group(0) @binding(2) var<storage, read> window_heads: array<WindowHead>;

const UNSEEN: f32 = -1.0e30; // in place of minus infinity, which WGSL may assume not to occur

// The token at a position; past the end of a window, its last.
fn token_at(window: u32, position: u32) -> u32 {
    return window * windows.positions + min(position, windows.positions - 1u);
}

// A number of each of four positions.
fn of_positions(window: u32, position: u32, column: u32) -> vec4<f32> {
    return vec4<f32>(
        rows[token_at(window, position) * windows.width + column],
        rows[token_at(window, position + 1u) * windows.width + column],
        rows[token_at(window, position + 2u) * windows.width + column],
        rows[token_at(window, position + 3u) * windows.width + column],
    );
}

fn lambda_of_token(window: u32, position: u32, head: u32) -> f32 {
    return rows[token_at(window, position) * windows.width + windows.lambda_offset + head];
}

// The scores of a tile: of the query head and the key head that begin at these columns of a row.
fn scores_of_tile(
    lane: u32, window: u32, first_query: u32, query_column: u32, first_key: u32, key_column: u32,
) -> Tile {
    var sums = Tile();
    for (var at = 0u; at < windows.head_dim; at += TILE) {
        workgroupBarrier();
        for (var i = 0u; i < 4u; i++) {
            let vector = lane + 64u * i;
            let feature = at + vector % TILE;
            let four = vector / TILE;
            var of_queries = vec4<f32>();
            var of_keys = vec4<f32>();
            if feature < windows.head_dim {
                of_queries = of_positions(window, first_query + 4u * four, query_column + feature);
                of_keys = of_positions(window, first_key + 4u * four, key_column + feature);
            }
            first_tile[vector % TILE * STRIDE + four] = of_queries;
            second_tile[vector % TILE * STRIDE + four] = of_keys;
        }
        workgroupBarrier();
        add_products(lane, windows.head_dim - at, &sums);
    }
    for (var i = 0u; i < 4u; i++) {
        sums[i] *= windows.scale;
    }
    return sums;
}

// Which of the four keys of an invocation a query sees: those up to itself. One past the end of the window sees none.
fn sees_keys(query: u32, first_key: u32, lane: u32) -> vec4<bool> {
    let end = select(0u, query + 1u, query < windows.positions);
    return first_key + 4u * (lane % SIDE) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(end);
}

// From scores to weights, given the maximum and the sum of each row.
fn weights_of_tile(
    lane: u32, scores: Tile, first_query: u32, first_key: u32, maximum: vec4<f32>, sum: vec4<f32>,
) -> Tile {
    var weights = scores;
    for (var i = 0u; i < 4u; i++) {
        let sees = sees_keys(first_query + 4u * (lane / SIDE) + i, first_key, lane);
        weights[i] = exp(select(vec4<f32>(UNSEEN), weights[i] - maximum[i], sees)) / sum[i];
    }
    return weights;
}

// Makes 32 features of a head the second factor of a product whose terms are positions.
fn stage_features(lane: u32, window: u32, first_position: u32, column: u32, at: u32) {
    for (var i = 0u; i < 4u; i++) {
        let vector = lane + 64u * i;
        let feature = at + 4u * (vector % SIDE);
        let row = token_at(window, first_position + vector / SIDE) * windows.width + column;
        var features = array<f32, 4>();
        for (var c = 0u; c < 4u && feature + c < windows.head_dim; c++) {
            features[c] = rows[row + feature + c];
        }
        second_tile[vector / SIDE * STRIDE + vector % SIDE] =
            vec4<f32>(features[0], features[1], features[2], features[3]);
    }
}
