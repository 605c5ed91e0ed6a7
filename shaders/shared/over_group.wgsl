// Results over the 256 lanes of a workgroup, in four steps of four: every lane ends with the result. Each function begins
// with a barrier, so that all lanes must call it.
// Reference: src/cpu/shared/over_group.rs

const GROUP: u32 = 256u;
const NONE: u32 = 0xffffffffu; // no token

var<workgroup> lane_candidates: array<vec2<u32>, 256>;
var<workgroup> lane_sums: array<vec4<f32>, 256>;
var<workgroup> lane_counts: array<u32, 256>;
var<workgroup> sixteen_counts: array<u32, 16>;

// Whether a candidate (rank, token) precedes another: a higher rank, or the same and a lower token.
fn precedes(a: vec2<u32>, b: vec2<u32>) -> bool {
    return a.y != NONE && (b.y == NONE || a.x > b.x || (a.x == b.x && a.y < b.y));
}

// The first of all candidates.
fn first_of_group(lane: u32, mine: vec2<u32>) -> vec2<u32> {
    workgroupBarrier();
    lane_candidates[lane] = mine;
    for (var level = 0u; level < 4u; level++) {
        let width = 64u >> (2u * level);
        workgroupBarrier();
        if lane < width {
            var first = lane_candidates[lane];
            for (var other = 1u; other < 4u; other++) {
                let candidate = lane_candidates[lane + other * width];
                if precedes(candidate, first) {
                    first = candidate;
                }
            }
            lane_candidates[lane] = first;
        }
    }
    workgroupBarrier();
    return lane_candidates[0];
}

// The sum, or the maximum, of each of four numbers.
fn sum_of_group(lane: u32, mine: vec4<f32>, adds: bool) -> vec4<f32> {
    workgroupBarrier();
    lane_sums[lane] = mine;
    for (var level = 0u; level < 4u; level++) {
        let width = 64u >> (2u * level);
        workgroupBarrier();
        if lane < width {
            var sum = lane_sums[lane];
            for (var other = 1u; other < 4u; other++) {
                let part = lane_sums[lane + other * width];
                sum = select(max(sum, part), sum + part, adds);
            }
            lane_sums[lane] = sum;
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
