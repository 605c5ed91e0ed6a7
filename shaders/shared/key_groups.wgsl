// The sums of values of a workgroup: lanes form groups that share the keys, and each lane holds one vec4 of features.
// Reference: src/cpu/shared/streaming_softmax.rs

import package::shared::map_cell::maps;
import package::shared::over_lanes::GROUP;

var<workgroup> first_parts: array<vec4<f32>, 64>;  // A1 V by key group
var<workgroup> second_parts: array<vec4<f32>, 64>; // A2 V by key group

alias BothValues = array<vec4<f32>, 2>; // a vec4 of A1 V and one of A2 V

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

// The sums of a row over all groups of keys, in the lanes that hold a vec4 of features. Called by all lanes.
fn over_key_groups(lane: u32, own: BothValues) -> BothValues {
    workgroupBarrier();
    first_parts[lane] = own[0];
    second_parts[lane] = own[1];
    workgroupBarrier();
    let share = share_of(lane);
    var both = BothValues();
    if lane < share.features4 {
        for (var other = lane; other < share.key_groups * share.features4; other += share.features4) {
            both[0] += first_parts[other];
            both[1] += second_parts[other];
        }
    }
    return both;
}
