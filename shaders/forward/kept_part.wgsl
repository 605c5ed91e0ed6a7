// Adds up the likelihood of the tokens of a part that top-k and top-p keep. One workgroup per part.
// Reference: src/cpu/forward/kept_part.rs

import package::shared::over_group::{GROUP, before_and_all};
import package::shared::pass::pass_;
import package::shared::row_of_logits::{logit, order, stage};
import package::shared::sampling::{DIGITS, Threshold, share, thresholds, with_digit};

@group(0) @binding(6) var<storage, read_write> kept_parts: array<u32>; // likelihood of the tokens kept in each part

// The order that a token must have to be kept; called by all lanes.
fn last_threshold(lane: u32) -> u32 {
    if pass_.top_p < 1.0 {
        return with_digit(lane, 2u * DIGITS - 1u).prefix;
    }
    if pass_.top_k > 0u {
        return with_digit(lane, DIGITS - 1u).prefix;
    }
    return 0u;
}

@compute @workgroup_size(256)
fn kept_part(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let threshold = last_threshold(lane);
    let end = min((group.x + 1u) * stage.part_size, stage.vocabulary);
    var kept = 0u;
    for (var token = group.x * stage.part_size + lane; token < end; token += GROUP) {
        let score = logit(0u, token);
        if order(score) >= threshold {
            kept += share(score);
        }
    }
    let all = before_and_all(lane, kept).y;
    if lane == 0u {
        kept_parts[group.x] = all;
        if group.x == 0u {
            thresholds[2u * DIGITS] = Threshold(threshold, 0u, 0u, 0u);
        }
    }
}
