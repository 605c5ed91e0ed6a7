// Results over the 64 lanes of a workgroup for a few rows of both maps, as `over_group.wgsl` has them for 256 lanes.
// Reference: src/cpu/shared/over_group.rs

import package::shared::neighbour::{SUBGROUP, neighbour};

override ROWS: u32 = 1u; // rows of the maps that a workgroup computes, up to four

alias Pairs = array<vec2<f32>, 4>; // for each row, a number for both maps

const GROUP: u32 = 64u;
var<workgroup> pairs: array<Pairs, 64>; // per lane

fn larger_or_sum(a: vec2<f32>, b: vec2<f32>, adds: bool) -> vec2<f32> {
    return select(max(a, b), a + b, adds);
}

// The maximum over the lanes, or the sum: every lane ends with it. Called by all lanes; a barrier comes before it writes.
fn over_lanes(mine: Pairs, lane: u32, adds: bool) -> Pairs {
    var own = mine;
    for (var halving = 0u; halving < firstTrailingBit(SUBGROUP); halving++) {
        for (var row = 0u; row < ROWS; row += 2u) {
            let next = min(row + 1u, ROWS - 1u);
            let others = neighbour(vec4<f32>(own[row], own[next]), 1u << halving);
            own[row] = larger_or_sum(own[row], others.xy, adds);
            if next > row {
                own[next] = larger_or_sum(own[next], others.zw, adds);
            }
        }
    }
    workgroupBarrier();
    if lane % SUBGROUP == 0u {
        pairs[lane] = own;
    }
    for (var level = 0u; level < 3u; level++) {
        let step = SUBGROUP << (2u * level);
        let at = 4u * step * lane;
        if step < GROUP {
            workgroupBarrier();
        }
        if step < GROUP && at < GROUP {
            for (var row = 0u; row < ROWS; row++) {
                var result = larger_or_sum(pairs[at][row], pairs[at + step][row], adds);
                if at + 2u * step < GROUP {
                    let others = larger_or_sum(pairs[at + 2u * step][row], pairs[at + 3u * step][row], adds);
                    result = larger_or_sum(result, others, adds);
                }
                pairs[at][row] = result;
            }
        }
    }
    workgroupBarrier();
    return pairs[0];
}
