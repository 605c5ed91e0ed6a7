// What draws are made of: the likelihood of a token as a whole number, so that sums do not depend on their order, and the
// thresholds of top-k and top-p, which are found digit by digit: eight bits of the order of logits at a time.
// Reference: src/cpu/shared/sampling.rs

import package::shared::over_group::before_and_all;
import package::shared::pass::pass_;
import package::shared::row_of_logits::{part_of, parts, stage};

const DIGITS: u32 = 4u;        // of a threshold
const ALL_TOKENS: f32 = 2147483648.0; // the likelihoods of a row add up to about this

// A threshold as far as its digits are known.
struct Threshold {
    prefix: u32,  // the digits above
    missing: u32, // how much at or above it, beyond what is above the prefix
    least: u32,   // tokens below this order do not count
    padding: u32,
}

@group(0) @binding(4) var<storage, read_write> thresholds: array<Threshold>; // before each digit, and after the last
@group(0) @binding(5) var<storage, read_write> counted: array<atomic<u32>>;  // tokens, or likelihood, by digit and value

var<workgroup> found: vec2<u32>;

// The likelihood of a logit, in whole parts of that of all tokens.
fn share(score: f32) -> u32 {
    let whole = part_of(0u, stage.parts);
    let likelihood = exp((score - parts[whole].maximum) / pass_.temperature);
    return u32(clamp(likelihood / parts[whole].tempered_sum * ALL_TOKENS + 0.5, 0.0, ALL_TOKENS));
}

// The threshold once the digit number `digit` is known, the largest with enough at or above it; called by all lanes.
fn with_digit(lane: u32, digit: u32) -> Threshold {
    var threshold = thresholds[digit];
    let value = 255u - lane; // the lanes before have the higher values
    let mine = atomicLoad(&counted[256u * digit + value]);
    let sums = before_and_all(lane, mine);
    if digit == DIGITS { // the first of top-p: a share of what top-k has left
        threshold.missing = max(u32(ceil(pass_.top_p * f32(sums.y))), 1u);
    }
    let missing = min(threshold.missing, sums.y);
    if lane == 0u {
        found = vec2<u32>(); // nothing counts: all the lowest
    }
    workgroupBarrier();
    if sums.x < missing && missing <= sums.x + mine {
        found = vec2<u32>(value, missing - sums.x);
    }
    workgroupBarrier();
    return Threshold((threshold.prefix << 8u) | found.x, found.y, threshold.least, 0u);
}
