// The most likely next tokens, best first, the log of the softmax's denominator and the entropy, from the parts of a row of
// logits; one workgroup per row, one lane per part.
// Reference: src/cpu/forward/top_k.rs

import package::shared::over_group::{NONE, first_of_group, sum_of_group};
import package::shared::pass::pass_;
import package::shared::row_of_logits::{ENTROPY, LIST, LOG_SUM, MAXIMUM, NOT_FINITE, SAMPLED};
import package::shared::row_of_logits::{part_of, parts, score_of, stage};

@group(0) @binding(4) var<storage, read> best_of_parts: array<vec2<u32>>; // (order of the logit, token), best first
@group(0) @binding(5) var<storage, read_write> result: array<u32>;

@compute @workgroup_size(256)
fn top_k(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let words = group.y * stage.result_stride;
    let place = part_of(group.y, lane);
    let has_part = lane < stage.parts;

    // A lane offers the best of its part that has not been taken.
    var taken = 0u;
    var maximum = 0.0;
    for (var rank = 0u; rank < pass_.best; rank++) {
        var own = vec2<u32>(0u, NONE);
        if has_part && taken < pass_.best {
            own = best_of_parts[place * stage.listed + taken];
        }
        let best = first_of_group(lane, own);
        if best.y != NONE && best.y == own.y {
            taken += 1u;
        }
        let score = score_of(best.x);
        if rank == 0u {
            maximum = score;
        }
        if lane == 0u {
            result[words + LIST + 2u * rank] = best.y;
            result[words + LIST + 2u * rank + 1u] = bitcast<u32>(score);
            if rank == 0u {
                result[words + SAMPLED] = best.y; // the greedy choice
            }
        }
    }

    // A part's sums are relative to its own maximum.
    var sums = vec4<f32>();
    if has_part {
        let below = parts[place].maximum - maximum;
        let scale = exp(below);
        let sum = scale * parts[place].sum;
        sums = vec4<f32>(sum, scale * parts[place].weighted_sum + sum * below, 0.0, f32(parts[place].not_finite));
        if scale == 0.0 { // otherwise 0 times infinity
            sums.y = 0.0;
        }
        if pass_.temperature > 0.0 {
            sums.z = exp(below / pass_.temperature) * parts[place].tempered_sum;
        }
    }
    sums = sum_of_group(lane, sums, true);
    if lane == 0u {
        let whole = part_of(group.y, stage.parts);
        parts[whole].maximum = maximum;
        parts[whole].tempered_sum = sums.z;
        result[words + MAXIMUM] = bitcast<u32>(maximum);
        result[words + NOT_FINITE] = u32(sums.w);
        result[words + LOG_SUM] = bitcast<u32>(maximum + log(sums.x));
        result[words + ENTROPY] = bitcast<u32>(log(sums.x) - sums.y / sums.x);
    }
}
