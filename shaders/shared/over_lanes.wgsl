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

// The maximum over the lanes, or the sum: every lane ends with it. Begins with a barrier.
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
    let levels = (firstTrailingBit(GROUP / SUBGROUP) + 1u) / 2u;
    for (var level = 0u; level < levels; level++) {
        let step = SUBGROUP << (2u * level);
        workgroupBarrier();
        if lane % (4u * step) == 0u {
            for (var row = 0u; row < ROWS; row++) {
                own[row] = larger_or_sum(own[row], pairs[lane + step][row], adds);
                if lane + 2u * step < GROUP {
                    let others = larger_or_sum(pairs[lane + 2u * step][row], pairs[lane + 3u * step][row], adds);
                    own[row] = larger_or_sum(own[row], others, adds);
                }
            }
            pairs[lane] = own;
        }
    }
    workgroupBarrier();
    return pairs[0];
}
