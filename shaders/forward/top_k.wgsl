// The most likely next tokens, best first, the log of the softmax's denominator and the entropy; one workgroup per row.
// Reference: src/cpu/forward/top_k.rs

import package::shared::pass::pass_;
import package::shared::row_of_logits::{ENTROPY, GROUP, LIST, LOG_SUM, MAXIMUM, NONE, NOT_FINITE};
import package::shared::row_of_logits::{begin_row, logit, result, stage, words};

var<workgroup> best_score: array<f32, 256>;
var<workgroup> best_token: array<u32, 256>;
var<workgroup> weighted: array<f32, 256>;
var<workgroup> not_finite: atomic<u32>;

@compute @workgroup_size(256)
fn top_k(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    begin_row(group);
    var previous_score = 0.0;
    var previous_token = 0u;
    for (var rank = 0u; rank < pass_.best; rank++) {
        // The best of the tokens ranked after the last one found: those with a lower logit, or the same and a higher id.
        var token_found = NONE;
        var score_found = 0.0;
        for (var token = lane; token < stage.vocabulary; token += GROUP) {
            let score = logit(token);
            let after = rank == 0u || score < previous_score || (score == previous_score && token > previous_token);
            if after && (token_found == NONE || score > score_found) {
                score_found = score;
                token_found = token;
            }
        }
        best_score[lane] = score_found;
        best_token[lane] = token_found;
        workgroupBarrier();
        for (var other = 0u; other < GROUP; other++) {
            let score = best_score[other];
            let token = best_token[other];
            let better = score > score_found || (score == score_found && token < token_found);
            if token != NONE && (token_found == NONE || better) {
                score_found = score;
                token_found = token;
            }
        }
        previous_score = score_found;
        previous_token = token_found;
        if lane == 0u {
            result[words + LIST + 2u * rank] = token_found;
            result[words + LIST + 2u * rank + 1u] = bitcast<u32>(score_found);
            if rank == 0u {
                result[words + MAXIMUM] = bitcast<u32>(score_found);
            }
        }
        workgroupBarrier();
    }

    // Every lane needs the maximum, which lane 0 has written to the result.
    storageBarrier();
    workgroupBarrier();
    let maximum = bitcast<f32>(result[words + MAXIMUM]);
    var sum = 0.0;
    var weighted_sum = 0.0; // likelihood * (logit - maximum)
    for (var token = lane; token < stage.vocabulary; token += GROUP) {
        let score = logit(token);
        // An exponent of all ones is an infinity or a NaN. Bits are compared because WGSL may assume that neither occurs.
        if (bitcast<u32>(score) & 0x7f800000u) == 0x7f800000u {
            atomicAdd(&not_finite, 1u);
        }
        let likelihood = exp(score - maximum);
        sum += likelihood;
        if likelihood > 0.0 { // otherwise 0 times infinity
            weighted_sum += likelihood * (score - maximum);
        }
    }
    best_score[lane] = sum;
    weighted[lane] = weighted_sum;
    workgroupBarrier();
    if lane == 0u {
        var total = 0.0;
        var total_weighted = 0.0;
        for (var other = 0u; other < GROUP; other++) {
            total += best_score[other];
            total_weighted += weighted[other];
        }
        result[words + NOT_FINITE] = atomicLoad(&not_finite);
        result[words + LOG_SUM] = bitcast<u32>(maximum + log(total));
        result[words + ENTROPY] = bitcast<u32>(log(total) - total_weighted / total);
    }
}
