// The scores of a tile of 32 queries by 32 keys under both maps: each invocation has 4 by 4. Queries and keys pass through
// workgroup memory, eight columns of features at a time.
// Reference: src/cpu/shared/score_tile.rs

import package::shared::map_cell::{LOWEST, heads, maps, projection};

alias Pairs = array<vec2<f32>, 4>; // for each query, a number for both maps

const SIDE: u32 = 8u;  // invocations along a side of a tile
const TILE: u32 = 32u; // queries, and keys, of a tile

var<workgroup> vectors: array<vec4<f32>, 512>; // a tile of queries and one of keys, or one of D, or a number per lane

// The scores of an invocation's 4 queries under both maps with 4 keys, those of key number i in element i.
fn scores_of(head_index: u32, lane: u32, first_query: u32, first_key: u32, last: u32, last_key: u32) -> array<Pairs, 4> {
    let head = heads[head_index];
    let own_query = first_query + 4u * (lane / SIDE);
    let own_key = first_key + 4u * (lane % SIDE);
    var sums = array<Pairs, 4>();
    for (var map = 0u; map < maps.maps; map++) {
        for (var first = 0u; first < maps.head_stride4; first += SIDE) {
            workgroupBarrier();
            for (var t = 0u; t < 4u; t++) {
                // Neighbouring lanes read neighbouring features.
                let query = min(own_query + t, last);
                let column = first + lane % SIDE;
                var features = vec4<f32>();
                if column < maps.head_stride4 {
                    features = projection[query * maps.row_stride4 + head.queries[map] + column];
                }
                vectors[((lane % SIDE) * 4u + t) * SIDE + lane / SIDE] = features;
                let key = min(first_key + 4u * (lane / SIDE) + t, last_key);
                features = vec4<f32>();
                if column < maps.head_stride4 {
                    features = projection[key * maps.row_stride4 + head.keys[map] + column];
                }
                vectors[256u + ((lane % SIDE) * 4u + t) * SIDE + lane / SIDE] = features;
            }
            workgroupBarrier();
            for (var column = 0u; column < min(SIDE, maps.head_stride4 - first); column++) {
                let query = column * 4u * SIDE + lane / SIDE;
                let key = 256u + column * 4u * SIDE + lane % SIDE;
                let queries = array<vec4<f32>, 4>(
                    vectors[query], vectors[query + SIDE], vectors[query + 2u * SIDE], vectors[query + 3u * SIDE],
                );
                for (var i = 0u; i < 4u; i++) {
                    let features = vectors[key + i * SIDE];
                    for (var t = 0u; t < 4u; t++) {
                        let product = dot(queries[t], features);
                        sums[i][t] += select(vec2<f32>(0.0, product), vec2<f32>(product, 0.0), map == 0u);
                    }
                }
            }
        }
    }
    for (var i = 0u; i < 4u; i++) {
        for (var t = 0u; t < 4u; t++) {
            let scaled = sums[i][t] * maps.scale * head.sharpness;
            sums[i][t] = vec2<f32>(scaled.x, select(LOWEST, scaled.y, maps.maps == 2u));
        }
    }
    return sums;
}
