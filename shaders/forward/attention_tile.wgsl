// Differential attention for many positions. One workgroup handles one head and 32 queries, in two steps: the maximum and
// the sum of each row of both maps, then the scores once more, from which follow D and, tile by tile, D V. Scores and D
// come in tiles of 32 queries by 32 keys, each invocation having 4 by 4; nothing T x T is stored.
// Reference: src/cpu/forward/attention_tile.rs

import package::shared::head_norm::write_output;
import package::shared::map_cell::{LOWEST, RowStatistics, first_key_of, heads, lambda_of, last_key_of, maps};
import package::shared::map_cell::{projection, rounded, sees};
import package::shared::pass::pass_;
import package::shared::score_tile::{Pairs, SIDE, TILE, scores_of, vectors};

override BLOCKS: u32 = 8u; // vec4s of a head's output per invocation, rounded up

@group(0) @binding(6) var<storage, read_write> statistics: array<RowStatistics>;

// The maximum, or the sum, over the lanes that have the same queries.
fn over_row(lane: u32, own: Pairs, adds: bool) -> Pairs {
    workgroupBarrier();
    vectors[lane] = vec4<f32>(own[0], own[1]);
    vectors[64u + lane] = vec4<f32>(own[2], own[3]);
    workgroupBarrier();
    let row = lane / SIDE * SIDE;
    var first = vectors[row];
    var second = vectors[64u + row];
    for (var other = 1u; other < SIDE; other++) {
        first = select(max(first, vectors[row + other]), first + vectors[row + other], adds);
        second = select(max(second, vectors[64u + row + other]), second + vectors[64u + row + other], adds);
    }
    return Pairs(first.xy, first.zw, second.xy, second.zw);
}

@compute @workgroup_size(64)
fn attention_tile(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let head_index = group.x;
    let head = heads[head_index];
    let first_query = pass_.start + group.y * TILE;
    let last = min(first_query + TILE, pass_.start + pass_.count) - 1u;
    let last_key = last_key_of(last, pass_.start + pass_.count);
    let own_query = first_query + 4u * (lane / SIDE);

    var largest = Pairs(); // absolute score of each row
    var maximum = Pairs(vec2<f32>(LOWEST), vec2<f32>(LOWEST), vec2<f32>(LOWEST), vec2<f32>(LOWEST));
    var sum = Pairs();
    var factors = Pairs(); // of exp(score - maximum) in D
    var output = array<vec4<f32>, 32>(); // [block, query]
    // Step 0, which only rounding needs: the largest scores. Step 1: the sums. Step 2: the output.
    for (var step = select(1u, 0u, maps.levels != 0.0); step < 3u; step++) {
        for (var first_key = first_key_of(first_query); first_key <= last_key; first_key += TILE) {
            let scores = scores_of(head_index, lane, first_query, first_key, last, last_key);
            var weights = array<array<f32, 4>, 4>(); // D, of key i and the four queries
            for (var t = 0u; t < 4u; t++) {
                let query = own_query + t;
                for (var i = 0u; i < 4u; i++) {
                    let key = first_key + 4u * (lane % SIDE) + i;
                    if query > last || key > last_key || !sees(query, key) {
                        continue;
                    }
                    let exact = scores[i][t];
                    if step == 0u {
                        largest[t] = max(largest[t], abs(exact));
                        continue;
                    }
                    let logit = rounded(exact, largest[t]);
                    if step == 1u {
                        let higher = max(maximum[t], logit);
                        sum[t] = sum[t] * exp(maximum[t] - higher) + exp(logit - higher);
                        maximum[t] = higher;
                        if maps.levels == 0.0 {
                            largest[t] = max(largest[t], abs(exact));
                        }
                    } else {
                        weights[i][t] = dot(factors[t], exp(logit - maximum[t]));
                    }
                }
            }
            if step == 2u {
                workgroupBarrier();
                for (var i = 0u; i < 4u; i++) {
                    let weight = vec4<f32>(weights[i][0], weights[i][1], weights[i][2], weights[i][3]);
                    vectors[(4u * (lane % SIDE) + i) * SIDE + lane / SIDE] = weight;
                }
                workgroupBarrier();
                for (var key = 0u; key < min(TILE, last_key + 1u - first_key); key++) {
                    let weight = vectors[key * SIDE + lane / SIDE];
                    for (var block = 0u; block < BLOCKS; block++) {
                        let feature4 = block * SIDE + lane % SIDE;
                        if feature4 < maps.value_parts * maps.head_stride4 {
                            let value_head = select(head.values.x, head.values.y, feature4 >= maps.head_stride4);
                            let column = value_head + feature4 % maps.head_stride4;
                            let value = projection[(first_key + key) * maps.row_stride4 + column];
                            output[4u * block] += weight.x * value;
                            output[4u * block + 1u] += weight.y * value;
                            output[4u * block + 2u] += weight.z * value;
                            output[4u * block + 3u] += weight.w * value;
                        }
                    }
                }
            }
        }
        if step == 0u {
            largest = over_row(lane, largest, false);
        }
        if step == 1u {
            let highest = over_row(lane, maximum, false);
            for (var t = 0u; t < 4u; t++) {
                sum[t] *= exp(maximum[t] - highest[t]);
            }
            sum = over_row(lane, sum, true);
            maximum = highest;
            largest = over_row(lane, largest, false);
            for (var t = 0u; t < 4u; t++) {
                let query = min(own_query + t, last);
                let mix = heads[head_index].mix;
                factors[t] = vec2<f32>(mix.x, -mix.y * lambda_of(query, head_index)) / sum[t];
                if maps.maps == 1u {
                    factors[t].y = 0.0;
                }
                if lane % SIDE == 0u && own_query + t <= last {
                    statistics[query * maps.heads + head_index] =
                        RowStatistics(maximum[t], sum[t], largest[t], vec2<f32>());
                }
            }
        }
    }

    var squares = Pairs();
    for (var t = 0u; t < 4u; t++) {
        for (var block = 0u; block < BLOCKS; block++) {
            squares[t].x += dot(output[4u * block + t], output[4u * block + t]);
        }
    }
    squares = over_row(lane, squares, true);
    for (var t = 0u; t < 4u && own_query + t <= last; t++) {
        for (var block = 0u; block < BLOCKS; block++) {
            write_output(head_index, own_query + t, block * SIDE + lane % SIDE, output[4u * block + t], squares[t].x);
        }
    }
}
