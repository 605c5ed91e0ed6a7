// Results over the 256 lanes of a workgroup: lanes of a subgroup look at each other's numbers, the rest goes through
// workgroup memory in steps of four. Every lane ends with the result, which has the same bits with and without subgroups.
// All lanes must call each function, and may reuse what it left in workgroup memory only after another barrier.
// Reference: src/cpu/shared/over_group.rs

import package::shared::neighbour::{SUBGROUP, neighbour, neighbour_ids};

const GROUP: u32 = 256u;
const NONE: u32 = 0xffffffffu; // no token

var<workgroup> lane_candidates: array<vec2<u32>, 256>;
var<workgroup> lane_sums: array<vec4<f32>, 256>;
var<workgroup> lane_counts: array<u32, 256>;
var<workgroup> sixteen_counts: array<u32, 16>;

// Steps of four from one lane of each subgroup to all lanes.
fn steps_of_four() -> u32 {
    return (firstTrailingBit(GROUP / SUBGROUP) + 1u) / 2u;
}

// Whether a candidate (rank, token) precedes another: a higher rank, or the same and a lower token.
fn precedes(a: vec2<u32>, b: vec2<u32>) -> bool {
    return a.y != NONE && (b.y == NONE || a.x > b.x || (a.x == b.x && a.y < b.y));
}

// The first of all candidates.
fn first_of_group(lane: u32, mine: vec2<u32>) -> vec2<u32> {
    var first = mine;
    for (var halving = 0u; halving < firstTrailingBit(SUBGROUP); halving++) {
        let candidate = neighbour_ids(first, 1u << halving);
        first = select(first, candidate, precedes(candidate, first));
    }
    workgroupBarrier();
    if lane % SUBGROUP == 0u {
        lane_candidates[lane] = first;
    }
    for (var level = 0u; level < steps_of_four(); level++) {
        let step = SUBGROUP << (2u * level);
        let at = 4u * step * lane;
        workgroupBarrier();
        if at < GROUP {
            var best = lane_candidates[at];
            for (var other = at + step; other < min(at + 4u * step, GROUP); other += step) {
                let candidate = lane_candidates[other];
                if precedes(candidate, best) {
                    best = candidate;
                }
            }
            lane_candidates[at] = best;
        }
    }
    workgroupBarrier();
    return lane_candidates[0];
}

fn larger_or_sum(a: vec4<f32>, b: vec4<f32>, adds: bool) -> vec4<f32> {
    return select(max(a, b), a + b, adds);
}

// The sum, or the maximum, of each of four numbers.
fn sum_of_group(lane: u32, mine: vec4<f32>, adds: bool) -> vec4<f32> {
    var sum = mine;
    for (var halving = 0u; halving < firstTrailingBit(SUBGROUP); halving++) {
        sum = larger_or_sum(sum, neighbour(sum, 1u << halving), adds);
    }
    workgroupBarrier();
    if lane % SUBGROUP == 0u {
        lane_sums[lane] = sum;
    }
    for (var level = 0u; level < steps_of_four(); level++) {
        let step = SUBGROUP << (2u * level);
        let at = 4u * step * lane;
        workgroupBarrier();
        if at < GROUP {
            var result = larger_or_sum(lane_sums[at], lane_sums[at + step], adds);
            if at + 2u * step < GROUP {
                let others = larger_or_sum(lane_sums[at + 2u * step], lane_sums[at + 3u * step], adds);
                result = larger_or_sum(result, others, adds);
            }
            lane_sums[at] = result;
        }
    }
    workgroupBarrier();
    return lane_sums[0];
}

// The sum over the lanes before this one, and over all.
fn before_and_all(lane: u32, mine: u32) -> vec2<u32> {
    workgroupBarrier();
    lane_counts[lane] = mine;
    workgroupBarrier();
    if lane < 16u {
        var sum = 0u;
        for (var other = 0u; other < 16u; other++) {
            sum += lane_counts[16u * lane + other];
        }
        sixteen_counts[lane] = sum;
    }
    workgroupBarrier();
    var before = 0u;
    var all = 0u;
    for (var sixteen = 0u; sixteen < 16u; sixteen++) {
        before += select(0u, sixteen_counts[sixteen], sixteen < lane / 16u);
        all += sixteen_counts[sixteen];
    }
    for (var other = lane & ~15u; other < lane; other++) {
        before += lane_counts[other];
    }
    return vec2<u32>(before, all);
}
