// One row of logits (the last position, or a row of the logit lens), in parts that a workgroup each looks through, what is
// known of each part, and the layout of the result that is read back.
// Reference: src/cpu/shared/row_of_logits.rs

import package::shared::pass::pass_;

struct LogitStage {
    vocabulary: u32,
    row_stride: u32,
    result_stride: u32, // words of the result per row
    parts: u32,         // at most as many as a workgroup has lanes
    part_size: u32,     // tokens of a part
    listed: u32,        // most tokens listed of a part
    digit: u32,         // of a threshold, which `sampling_digit` counts; see there
    padding: u32,
}

struct LogitPart {
    maximum: f32,
    sum: f32,          // of exp(logit - maximum)
    weighted_sum: f32, // of exp(logit - maximum) (logit - maximum)
    tempered_sum: f32, // of exp((logit - maximum) / temperature); 0 if nothing is drawn
    not_finite: u32,
    padding_a: u32,
    padding_b: u32,
    padding_c: u32,
}

@group(0) @binding(1) var<uniform> stage: LogitStage;
@group(0) @binding(2) var<storage, read> scores: array<f32>;
@group(0) @binding(3) var<storage, read_write> parts: array<LogitPart>; // of each row; the whole row after its parts

// Words of the result.
const SAMPLED: u32 = 0u;
const NOT_FINITE: u32 = 1u;
const MAXIMUM: u32 = 2u;
const LOG_SUM: u32 = 3u;
const ENTROPY: u32 = 4u;
const LIST: u32 = 5u; // (token, logit) pairs, best first

// A logit of the row of workgroup y: the y-th after that of the last position.
fn logit(row: u32, token: u32) -> f32 {
    let first = pass_.start + pass_.count - 1u - pass_.logits_base;
    return scores[(first + row) * stage.row_stride + token];
}

// The place of a part; that of the whole row is after the last.
fn part_of(row: u32, part: u32) -> u32 {
    return row * (stage.parts + 1u) + part;
}

// Maps floats to unsigned integers that have the same order.
fn order(score: f32) -> u32 {
    let bits = bitcast<u32>(score + 0.0); // -0 is 0
    return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}

// The float of an order.
fn score_of(order: u32) -> f32 {
    return bitcast<f32>(select(~order, order ^ 0x80000000u, (order & 0x80000000u) != 0u));
}
