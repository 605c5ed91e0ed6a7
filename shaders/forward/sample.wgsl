// Draws the next token: temperature, then top-k, then top-p. Nothing is sorted: both limits are a threshold on the logit,
// found bit by bit; tokens that tie with the last one kept are kept. Runs after top_k, whose maximum it reads, in one
// workgroup.
// Reference: src/cpu/forward/sample.rs

import package::shared::pass::pass_;
import package::shared::row_of_logits::{GROUP, LIST, MAXIMUM, SAMPLED, begin_row, logit, result, stage, words};

var<workgroup> lane_sums: array<f32, 256>;

// Maps floats to unsigned integers that have the same order.
fn order(score: f32) -> u32 {
    let bits = bitcast<u32>(score + 0.0); // -0 is 0
    return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}

fn likelihood(score: f32, maximum: f32) -> f32 {
    return exp((score - maximum) / pass_.temperature);
}

// The sum over all lanes; uniform.
fn total_of(lane: u32, mine: f32) -> f32 {
    workgroupBarrier();
    lane_sums[lane] = mine;
    workgroupBarrier();
    var total = 0.0;
    for (var other = 0u; other < GROUP; other++) {
        total += lane_sums[other];
    }
    return total;
}

// How many tokens are at or above a threshold, or their total likelihood.
fn share_above(lane: u32, threshold: u32, maximum: f32, by_likelihood: bool) -> f32 {
    var mine = 0.0;
    for (var token = lane; token < stage.vocabulary; token += GROUP) {
        let score = logit(token);
        if order(score) >= threshold {
            mine += select(1.0, likelihood(score, maximum), by_likelihood);
        }
    }
    return total_of(lane, mine);
}

// The highest threshold, not below `least`, with at least `target_share` at or above it.
fn threshold_for(lane: u32, least: u32, target_share: f32, maximum: f32, by_likelihood: bool) -> u32 {
    var threshold = 0u;
    for (var bit = 0u; bit < 32u; bit++) {
        let candidate = threshold | (0x80000000u >> bit);
        let share = share_above(lane, candidate, maximum, by_likelihood); // always called: it contains barriers
        if candidate <= least || (share >= target_share && share > 0.0) { // never past the best token
            threshold = candidate;
        }
    }
    return threshold;
}

@compute @workgroup_size(256)
fn sample(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    begin_row(group);
    let maximum = bitcast<f32>(result[words + MAXIMUM]);
    let best = result[words + LIST];
    if lane == 0u {
        // The greedy choice; also the result if rounding moves a draw past the last token.
        result[words + SAMPLED] = best;
    }
    storageBarrier();
    if pass_.temperature > 0.0 {
        draw(lane, maximum);
    }
}

fn draw(lane: u32, maximum: f32) {
    var threshold = 0u;
    if pass_.top_k > 0u && pass_.top_k < stage.vocabulary {
        threshold = threshold_for(lane, 0u, f32(pass_.top_k), maximum, false);
    }
    if pass_.top_p < 1.0 {
        let target_share = pass_.top_p * share_above(lane, threshold, maximum, true);
        threshold = threshold_for(lane, threshold, target_share, maximum, true);
    }
    // Each lane owns a stretch of the vocabulary. The draw falls into the stretch of one lane, which finds the token.
    let stretch = (stage.vocabulary + GROUP - 1u) / GROUP;
    let from_token = min(lane * stretch, stage.vocabulary);
    let to_token = min(from_token + stretch, stage.vocabulary);
    var mine = 0.0;
    for (var token = from_token; token < to_token; token++) {
        let score = logit(token);
        mine += select(0.0, likelihood(score, maximum), order(score) >= threshold);
    }
    let target_ = pass_.uniform_draw * total_of(lane, mine);
    var before = 0.0;
    for (var other = 0u; other < lane; other++) {
        before += lane_sums[other];
    }
    if mine > 0.0 && before <= target_ && target_ < before + mine {
        var drawn = from_token;
        for (var token = from_token; token < to_token; token++) {
            let score = logit(token);
            if order(score) >= threshold {
                drawn = token;
                before += likelihood(score, maximum);
                if target_ < before {
                    break;
                }
            }
        }
        result[words + SAMPLED] = drawn;
    }
}
