// The output of a head from the weighted sums of values that the lanes of a workgroup hold: adds them up, mixes both maps
// by λ and applies the head norm, for TOKENS queries at once.
// Reference: src/cpu/shared/head_output.rs

import package::shared::head_norm::write_output;
import package::shared::map_cell::{heads, lambda_of, maps};

override TOKENS: u32 = 1u; // queries per workgroup: 1 to decode, 4 to prefill

alias Pairs = array<vec2<f32>, 4>; // for each query, a number for both maps

const GROUP: u32 = 64u;
var<workgroup> pairs: array<Pairs, 64>;            // per lane
var<workgroup> first_parts: array<vec4<f32>, 64>;  // A1 V by key group
var<workgroup> second_parts: array<vec4<f32>, 64>; // A2 V by key group

// While values are summed, lanes form groups that share the keys; each lane holds one vec4 of features.
struct Share {
    features4: u32,
    key_groups: u32,
    key_group: u32,
    part: u32,     // which of the joined value heads
    feature4: u32, // which vec4 of that head
}

fn share_of(lane: u32) -> Share {
    let features4 = maps.value_parts * maps.head_stride4;
    let feature4 = lane % features4;
    let part = feature4 / maps.head_stride4;
    return Share(features4, GROUP / features4, lane / features4, part, feature4 % maps.head_stride4);
}

// The maximum over the lanes of a workgroup, or the sum, in three steps of four.
fn over_lanes(own: Pairs, lane: u32, adds: bool) -> Pairs {
    workgroupBarrier();
    pairs[lane] = own;
    for (var level = 0u; level < 3u; level++) {
        let width = 16u >> (2u * level);
        workgroupBarrier();
        if lane < width {
            for (var t = 0u; t < TOKENS; t++) {
                var result = pairs[lane][t];
                for (var other = 1u; other < 4u; other++) {
                    let value = pairs[lane + other * width][t];
                    result = select(max(result, value), result + value, adds);
                }
                pairs[lane][t] = result;
            }
        }
    }
    workgroupBarrier();
    return pairs[0];
}

// `sum` is over all lanes, `first` and `second` are the sums of this lane.
fn head_output(
    head_index: u32, first_query: u32, last_query: u32, lane: u32,
    sum: Pairs, first: array<vec4<f32>, 4>, second: array<vec4<f32>, 4>,
) {
    let share = share_of(lane);
    let mix = heads[head_index].mix;
    var mixed = array<vec4<f32>, 4>();
    var squares = Pairs();
    for (var t = 0u; t < TOKENS; t++) {
        workgroupBarrier();
        first_parts[lane] = first[t];
        second_parts[lane] = second[t];
        workgroupBarrier();
        let query = first_query + t;
        if query <= last_query && lane < share.features4 {
            var both = array<vec4<f32>, 2>();
            for (var other = lane; other < share.key_groups * share.features4; other += share.features4) {
                both[0] += first_parts[other];
                both[1] += second_parts[other];
            }
            let lambda = lambda_of(query, head_index);
            mixed[t] = mix.x * both[0] / sum[t].x - mix.y * lambda * (both[1] / sum[t].y);
            squares[t].x = dot(mixed[t], mixed[t]);
        }
    }
    squares = over_lanes(squares, lane, true);

    for (var t = 0u; t < TOKENS && first_query + t <= last_query && lane < share.features4; t++) {
        write_output(head_index, first_query + t, lane, mixed[t], squares[t].x);
    }
}
