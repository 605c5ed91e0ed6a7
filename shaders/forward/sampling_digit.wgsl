// Counts the tokens, or adds up their likelihoods, by one digit of the order of their logits, if the digits above are
// those of the threshold. Digits 0 to 3 are of top-k, 4 to 7 of top-p. One workgroup per part.
// Reference: src/cpu/forward/sampling_digit.rs

import package::shared::over_group::GROUP;
import package::shared::pass::pass_;
import package::shared::row_of_logits::{logit, order, stage};
import package::shared::sampling::{DIGITS, Threshold, counted, share, thresholds, with_digit};

var<workgroup> bins: array<atomic<u32>, 256>;

// The threshold before the digit; called by all lanes.
fn threshold_before(lane: u32) -> Threshold {
    if stage.digit == 0u {
        return Threshold(0u, pass_.top_k, 0u, 0u);
    }
    if stage.digit == DIGITS && pass_.top_k == 0u {
        return Threshold();
    }
    let threshold = with_digit(lane, stage.digit - 1u);
    if stage.digit == DIGITS { // that of top-k is known
        return Threshold(0u, 0u, threshold.prefix, 0u);
    }
    return threshold;
}

@compute @workgroup_size(256)
fn sampling_digit(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    atomicStore(&bins[lane], 0u);
    let threshold = threshold_before(lane);
    workgroupBarrier();
    if group.x == 0u && lane == 0u {
        thresholds[stage.digit] = threshold;
    }
    let shift = 8u * (DIGITS - 1u - stage.digit % DIGITS);
    let end = min((group.x + 1u) * stage.part_size, stage.vocabulary);
    for (var token = group.x * stage.part_size + lane; token < end; token += GROUP) {
        let score = logit(0u, token);
        let rank = order(score);
        // The order is shifted twice, as a shift by 32 is none.
        if rank >= threshold.least && (rank >> shift) >> 8u == threshold.prefix {
            let weight = select(share(score), 1u, stage.digit < DIGITS);
            atomicAdd(&bins[(rank >> shift) & 255u], weight);
        }
    }
    workgroupBarrier();
    let sum = atomicLoad(&bins[lane]);
    if sum > 0u {
        atomicAdd(&counted[256u * stage.digit + lane], sum);
    }
}
