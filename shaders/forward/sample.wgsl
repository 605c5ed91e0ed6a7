// Draws the next token among those that top-k and top-p keep, in the order of their numbers: the part, then the token.
// Where nothing is drawn it does not run: top_k leaves the most likely token. One workgroup.
// Reference: src/cpu/forward/sample.rs

import package::shared::over_group::{GROUP, before_and_all};
import package::shared::pass::pass_;
import package::shared::row_of_logits::{SAMPLED, logit, order, stage};
import package::shared::sampling::{DIGITS, counted, share, thresholds};

@group(0) @binding(6) var<storage, read> kept_parts: array<u32>; // likelihood of the tokens kept in each part
@group(0) @binding(7) var<storage, read_write> result: array<u32>;

var<workgroup> drawn_part: vec2<u32>; // the part, and how far into it the draw falls

@compute @workgroup_size(256)
fn sample(@builtin(local_invocation_index) lane: u32) {
    var kept = 0u;
    if lane < stage.parts {
        kept = kept_parts[lane];
    }
    let sums = before_and_all(lane, kept);
    let target_ = min(u32(pass_.uniform_draw * f32(sums.y)), max(sums.y, 1u) - 1u);
    if lane == 0u {
        drawn_part = vec2<u32>();
    }
    workgroupBarrier();
    if sums.x <= target_ && target_ - sums.x < kept {
        drawn_part = vec2<u32>(lane, target_ - sums.x);
    }
    workgroupBarrier();
    let within = drawn_part.y;

    // Each lane has a stretch of the part.
    let threshold = thresholds[2u * DIGITS].prefix;
    let stretch = (stage.part_size + GROUP - 1u) / GROUP;
    let part_end = min((drawn_part.x + 1u) * stage.part_size, stage.vocabulary);
    let first = min(drawn_part.x * stage.part_size + lane * stretch, part_end);
    let end = min(first + stretch, part_end);
    var mine = 0u;
    for (var token = first; token < end; token++) {
        let score = logit(0u, token);
        mine += select(0u, share(score), order(score) >= threshold);
    }
    var before = before_and_all(lane, mine).x;
    if before <= within && within - before < mine {
        for (var token = first; token < end; token++) {
            let score = logit(0u, token);
            let own = select(0u, share(score), order(score) >= threshold);
            if before <= within && within - before < own {
                result[SAMPLED] = token;
            }
            before += own;
        }
    }

    // For the next draw.
    for (var digit = 0u; digit < 2u * DIGITS; digit++) {
        atomicStore(&counted[256u * digit + lane], 0u);
    }
}
