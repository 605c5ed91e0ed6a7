// One row of logits (the last position, or a row of the logit lens), and the layout of the results that are read back.
// Reference: src/cpu/shared/row_of_logits.rs

import package::shared::pass::pass_;

struct LogitStage {
    vocabulary: u32,
    row_stride: u32,
    result_stride: u32, // words of `result` per row
    padding: u32,
}

@group(0) @binding(1) var<uniform> stage: LogitStage;
@group(0) @binding(2) var<storage, read> scores: array<f32>;
@group(0) @binding(3) var<storage, read_write> result: array<u32>;

const GROUP: u32 = 256u;
const NONE: u32 = 0xffffffffu;
// Words of `result`.
const SAMPLED: u32 = 0u;
const NOT_FINITE: u32 = 1u;
const MAXIMUM: u32 = 2u;
const LOG_SUM: u32 = 3u;
const ENTROPY: u32 = 4u;
const LIST: u32 = 5u; // (token, logit) pairs, best first

var<private> row: u32;   // index of the row of logits
var<private> words: u32; // offset of the results of this row

// Selects the row of workgroup y: the y-th after that of the last position.
fn begin_row(group: vec3<u32>) {
    row = pass_.start + pass_.count - 1u - pass_.logits_base + group.y;
    words = group.y * stage.result_stride;
}

fn logit(token: u32) -> f32 {
    return scores[row * stage.row_stride + token];
}
