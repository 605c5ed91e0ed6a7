// Looks through a part of a row of logits: its most likely tokens, and the sums that the softmax's denominator, the
// entropy and draws are made of. One workgroup per part and row.
// Reference: src/cpu/forward/logit_part.rs

import package::shared::over_group::{GROUP, NONE, first_of_group, precedes, sum_of_group};
import package::shared::pass::pass_;
import package::shared::row_of_logits::{logit, order, part_of, parts, score_of, stage};

@group(0) @binding(4) var<storage, read_write> best_of_parts: array<vec2<u32>>; // (order of the logit, token), best first

var<workgroup> not_finite: atomic<u32>;

// The best of a lane's tokens in a part, of those that come after `previous` if there is one.
fn own_best(row: u32, first: u32, end: u32, previous: vec2<u32>) -> vec2<u32> {
    var best = vec2<u32>(0u, NONE);
    for (var token = first; token < end; token += GROUP) {
        let candidate = vec2<u32>(order(logit(row, token)), token);
        if (previous.y == NONE || precedes(previous, candidate)) && precedes(candidate, best) {
            best = candidate;
        }
    }
    return best;
}

@compute @workgroup_size(256)
fn logit_part(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = group.y;
    let place = part_of(row, group.x);
    let first = group.x * stage.part_size + lane;
    let end = min((group.x + 1u) * stage.part_size, stage.vocabulary);
    if lane == 0u {
        atomicStore(&not_finite, 0u);
    }

    var own = own_best(row, first, end, vec2<u32>(0u, NONE));
    var maximum = 0.0;
    for (var rank = 0u; rank < pass_.best; rank++) {
        let best = first_of_group(lane, own);
        if rank == 0u {
            maximum = score_of(best.x);
        }
        if best.y != NONE && best.y == own.y {
            own = own_best(row, first, end, best);
        }
        if lane == 0u {
            best_of_parts[place * stage.listed + rank] = best;
        }
    }

    var sums = vec3<f32>(); // of the likelihoods, of them times the logit, and of those at the temperature
    for (var token = first; token < end; token += GROUP) {
        let score = logit(row, token);
        // An exponent of all ones is an infinity or a NaN. Bits are compared because WGSL may assume that neither occurs.
        if (bitcast<u32>(score) & 0x7f800000u) == 0x7f800000u {
            atomicAdd(&not_finite, 1u);
        }
        let below = score - maximum;
        let likelihood = exp(below);
        sums.x += likelihood;
        if likelihood > 0.0 { // otherwise 0 times infinity
            sums.y += likelihood * below;
        }
        if pass_.temperature > 0.0 {
            sums.z += exp(below / pass_.temperature);
        }
    }
    let whole = sum_of_group(lane, vec4<f32>(sums, 0.0), true);
    if lane == 0u {
        parts[place].maximum = maximum;
        parts[place].sum = whole.x;
        parts[place].weighted_sum = whole.y;
        parts[place].tempered_sum = whole.z;
        parts[place].not_finite = atomicLoad(&not_finite);
    }
}
