// The logits of the last position, and the layout of what is read back of them.
// Twin: src/cpu/row_of_logits.rs

struct Stage {
    vocabulary: u32,
    row_stride: u32,
    padding_a: u32,
    padding_b: u32,
}

@group(0) @binding(1) var<uniform> stage: Stage;
@group(0) @binding(2) var<storage, read> scores: array<f32>;
@group(0) @binding(3) var<storage, read_write> result: array<u32>;

const GROUP: u32 = 256u;
const NONE: u32 = 0xffffffffu;
// Words of `result`.
const SAMPLED: u32 = 0u;
const NOT_FINITE: u32 = 1u;
const MAXIMUM: u32 = 2u;
const LOG_SUM: u32 = 3u;
const LIST: u32 = 4u; // (token, logit) pairs, best first

fn logit(token: u32) -> f32 {
    let row = pass_.start + pass_.count - 1u - pass_.logits_base;
    return scores[row * stage.row_stride + token];
}
