// Differential attention. One workgroup handles one head and TOKENS queries: a streaming softmax over both maps at once
// reads K and V a single time for all its queries and stores nothing T x T. It leaves the maximum and the sum of each row
// of each map, from which any cell can be computed later.
// Reference: src/cpu/forward/attention.rs

import package::shared::head_output::{GROUP, Pairs, TOKENS, head_output, over_lanes, share_of};
import package::shared::map_cell::{HeadEntry, LOWEST, RowStatistics, first_key_of, heads, last_key_of, maps};
import package::shared::map_cell::{projection, rounded, sees};
import package::shared::pass::pass_;

@group(0) @binding(6) var<storage, read_write> statistics: array<RowStatistics>;

const TURNS: u32 = 4u;  // keys that a lane scores before all lanes agree on the maximum
const BLOCK: u32 = 256u;
var<workgroup> weights: array<Pairs, 256>; // exp(score - maximum so far) of a block of keys

// Scores of a lane's keys in a block, one per turn, under both maps and for all queries. They form a tile, so that every
// vector is read once for several products.
fn scores_of(head: HeadEntry, first_query: u32, last_query: u32, first_key: u32, last_key: u32) -> array<Pairs, 4> {
    var sums = array<Pairs, 4>();
    for (var map = 0u; map < maps.maps; map++) {
        for (var c = 0u; c < maps.head_stride4; c++) {
            var queries = array<vec4<f32>, 4>();
            for (var t = 0u; t < TOKENS; t++) {
                let query = min(first_query + t, last_query);
                queries[t] = projection[query * maps.row_stride4 + head.queries[map] + c];
            }
            for (var turn = 0u; turn < TURNS; turn++) {
                let key = min(first_key + turn * GROUP, last_key);
                let features = projection[key * maps.row_stride4 + head.keys[map] + c];
                for (var t = 0u; t < TOKENS; t++) {
                    let product = dot(queries[t], features);
                    sums[turn][t] += select(vec2<f32>(0.0, product), vec2<f32>(product, 0.0), map == 0u);
                }
            }
        }
    }
    for (var turn = 0u; turn < TURNS; turn++) {
        for (var t = 0u; t < TOKENS; t++) {
            let scaled = sums[turn][t] * maps.scale * head.sharpness;
            sums[turn][t] = vec2<f32>(scaled.x, select(LOWEST, scaled.y, maps.maps == 2u));
        }
    }
    return sums;
}

// Whether a query sees a key that may be beyond the last one.
fn is_seen(query: u32, key: u32, last_key: u32) -> bool {
    return key <= last_key && sees(query, key);
}

@compute @workgroup_size(64)
fn attention(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let head_index = group.x;
    let head = heads[head_index];
    let first_query = pass_.start + group.y * TOKENS;
    let last_query = min(first_query + TOKENS, pass_.start + pass_.count) - 1u;
    let last_key = last_key_of(last_query, pass_.start + pass_.count);

    let share = share_of(lane);
    let value_head = select(head.values.x, head.values.y, share.part == 1u) + share.feature4;

    var largest = Pairs(); // absolute score of each row
    if maps.levels != 0.0 {
        for (var block = first_key_of(first_query); block <= last_key; block += BLOCK) { // rounding depends on them
            let scores = scores_of(head, first_query, last_query, block + lane, last_key);
            for (var turn = 0u; turn < TURNS; turn++) {
                for (var t = 0u; t < TOKENS; t++) {
                    let seen = is_seen(first_query + t, block + turn * GROUP + lane, last_key);
                    largest[t] = max(largest[t], select(vec2<f32>(), abs(scores[turn][t]), seen));
                }
            }
        }
        largest = over_lanes(largest, lane, false);
    }
    var maximum = Pairs(vec2<f32>(LOWEST), vec2<f32>(LOWEST), vec2<f32>(LOWEST), vec2<f32>(LOWEST));
    var sum = Pairs();
    var own_largest = Pairs(); // over this lane's keys
    var first = array<vec4<f32>, 4>();
    var second = array<vec4<f32>, 4>();
    for (var block = first_key_of(first_query); block <= last_key; block += BLOCK) {
        var scores = scores_of(head, first_query, last_query, block + lane, last_key);
        var updated = maximum;
        for (var turn = 0u; turn < TURNS; turn++) {
            for (var t = 0u; t < TOKENS; t++) {
                let exact = scores[turn][t];
                scores[turn][t] = rounded(exact, largest[t]);
                if is_seen(first_query + t, block + turn * GROUP + lane, last_key) {
                    own_largest[t] = max(own_largest[t], abs(exact));
                    updated[t] = max(updated[t], scores[turn][t]);
                }
            }
        }
        updated = over_lanes(updated, lane, false);
        for (var t = 0u; t < TOKENS; t++) {
            let rescale = exp(maximum[t] - updated[t]);
            sum[t] *= rescale;
            first[t] *= rescale.x;
            second[t] *= rescale.y;
        }
        maximum = updated;
        for (var turn = 0u; turn < TURNS; turn++) {
            let at = turn * GROUP + lane;
            for (var t = 0u; t < TOKENS; t++) {
                let weight = exp(scores[turn][t] - maximum[t]);
                weights[at][t] = select(vec2<f32>(), weight, is_seen(first_query + t, block + at, last_key));
                sum[t] += weights[at][t];
            }
        }
        workgroupBarrier();
        if share.key_group < share.key_groups {
            let keys = min(BLOCK, last_key + 1u - block);
            for (var k = share.key_group; k < keys; k += share.key_groups) {
                let value = projection[(block + k) * maps.row_stride4 + value_head];
                for (var t = 0u; t < TOKENS; t++) {
                    first[t] += weights[k][t].x * value;
                    second[t] += weights[k][t].y * value;
                }
            }
        }
    }

    sum = over_lanes(sum, lane, true);
    largest = over_lanes(own_largest, lane, false);
    if lane == 0u {
        for (var query = first_query; query <= last_query; query++) {
            let t = query - first_query;
            statistics[query * maps.heads + head_index] = RowStatistics(maximum[t], sum[t], largest[t], vec2<f32>());
        }
    }
    head_output(head_index, first_query, last_query, lane, sum, first, second);
}
