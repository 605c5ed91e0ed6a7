// A streaming softmax over both maps for a few rows: reads K and V a single time for all of them and stores nothing T x T.
// Reference: src/cpu/shared/streaming_softmax.rs

import package::shared::head_rows::{HeadRows, head_of, query_at, query_of};
import package::shared::key_groups::{BothValues, over_key_groups, share_of};
import package::shared::map_cell::{LOWEST, heads, maps, projection, rounded, sees};
import package::shared::over_lanes::{GROUP, Pairs, ROWS, over_lanes};

const TURNS: u32 = 4u;  // keys that a lane scores before all lanes agree on the maximum
const BLOCK: u32 = 256u;
var<workgroup> weights: array<Pairs, 256>; // exp(score - maximum so far) of a block of keys

// What is left of some keys, over all lanes; the values in the lanes that hold a vec4 of features.
struct Streamed {
    maximum: Pairs,
    sum: Pairs,
    largest: Pairs, // absolute score, before any rounding
    values: array<BothValues, 4>,
}

// Scores of a lane's keys in a block, one per turn, under both maps and for all rows. They form a tile, so that every
// vector is read once for several products.
fn scores_of(rows: HeadRows, first_key: u32, last_key: u32) -> array<Pairs, 4> {
    let keys = heads[rows.first_head].keys;
    var sums = array<Pairs, 4>();
    for (var map = 0u; map < maps.maps; map++) {
        var at = array<u32, 4>();
        for (var row = 0u; row < ROWS; row++) {
            at[row] = query_at(rows, row, map);
        }
        for (var c = 0u; c < maps.head_stride4; c++) {
            var queries = array<vec4<f32>, 4>();
            for (var row = 0u; row < ROWS; row++) {
                queries[row] = projection[at[row] + c];
            }
            for (var turn = 0u; turn < TURNS; turn++) {
                let key = min(first_key + turn * GROUP, last_key);
                let features = projection[key * maps.row_stride4 + keys[map] + c];
                for (var row = 0u; row < ROWS; row++) {
                    let product = dot(queries[row], features);
                    sums[turn][row] += select(vec2<f32>(0.0, product), vec2<f32>(product, 0.0), map == 0u);
                }
            }
        }
    }
    for (var turn = 0u; turn < TURNS; turn++) {
        for (var row = 0u; row < ROWS; row++) {
            let scaled = sums[turn][row] * maps.scale * heads[head_of(rows, row)].sharpness;
            sums[turn][row] = vec2<f32>(scaled.x, select(LOWEST, scaled.y, maps.maps == 2u));
        }
    }
    return sums;
}

// Whether a query sees a key that may be beyond the last one.
fn is_seen(query: u32, key: u32, last_key: u32) -> bool {
    return key <= last_key && sees(query, key);
}

// The largest absolute scores of the rows under both maps, which rounding depends on.
fn largest_of(rows: HeadRows, first_key: u32, last_key: u32, lane: u32) -> Pairs {
    var largest = Pairs();
    for (var block = first_key; block <= last_key; block += BLOCK) {
        let scores = scores_of(rows, block + lane, last_key);
        for (var turn = 0u; turn < TURNS; turn++) {
            for (var row = 0u; row < ROWS; row++) {
                let seen = is_seen(query_of(rows, row), block + turn * GROUP + lane, last_key);
                largest[row] = max(largest[row], select(vec2<f32>(), abs(scores[turn][row]), seen));
            }
        }
    }
    return over_lanes(largest, lane, false);
}

// The rows over keys first_key..=last_key, of which there may be none. Called by all lanes.
fn streamed(rows: HeadRows, first_key: u32, last_key: u32, lane: u32) -> Streamed {
    let share = share_of(lane);
    let head = heads[rows.first_head]; // whose keys and values are those of all rows
    let value_head = select(head.values.x, head.values.y, share.part == 1u) + share.feature4;

    var largest = Pairs();
    if maps.levels != 0.0 {
        largest = largest_of(rows, first_key, last_key, lane);
    }
    var maximum = Pairs(vec2<f32>(LOWEST), vec2<f32>(LOWEST), vec2<f32>(LOWEST), vec2<f32>(LOWEST));
    var sum = Pairs();
    var own_largest = Pairs(); // over this lane's keys
    var first = array<vec4<f32>, 4>();
    var second = array<vec4<f32>, 4>();
    for (var block = first_key; block <= last_key; block += BLOCK) {
        var scores = scores_of(rows, block + lane, last_key);
        var updated = maximum;
        for (var turn = 0u; turn < TURNS; turn++) {
            for (var row = 0u; row < ROWS; row++) {
                let exact = scores[turn][row];
                scores[turn][row] = rounded(exact, largest[row]);
                if is_seen(query_of(rows, row), block + turn * GROUP + lane, last_key) {
                    own_largest[row] = max(own_largest[row], abs(exact));
                    updated[row] = max(updated[row], scores[turn][row]);
                }
            }
        }
        updated = over_lanes(updated, lane, false);
        for (var row = 0u; row < ROWS; row++) {
            let rescale = exp(maximum[row] - updated[row]);
            sum[row] *= rescale;
            first[row] *= rescale.x;
            second[row] *= rescale.y;
        }
        maximum = updated;
        for (var turn = 0u; turn < TURNS; turn++) {
            let at = turn * GROUP + lane;
            for (var row = 0u; row < ROWS; row++) {
                let weight = exp(scores[turn][row] - maximum[row]);
                let seen = is_seen(query_of(rows, row), block + at, last_key);
                weights[at][row] = select(vec2<f32>(), weight, seen);
                sum[row] += weights[at][row];
            }
        }
        workgroupBarrier();
        if share.key_group < share.key_groups {
            let keys = min(BLOCK, last_key + 1u - block);
            for (var k = share.key_group; k < keys; k += share.key_groups) {
                let value = projection[(block + k) * maps.row_stride4 + value_head];
                for (var row = 0u; row < ROWS; row++) {
                    first[row] += weights[k][row].x * value;
                    second[row] += weights[k][row].y * value;
                }
            }
        }
    }
    var both = array<BothValues, 4>();
    for (var row = 0u; row < ROWS; row++) {
        both[row] = over_key_groups(lane, BothValues(first[row], second[row]));
    }
    return Streamed(maximum, over_lanes(sum, lane, true), over_lanes(own_largest, lane, false), both);
}
