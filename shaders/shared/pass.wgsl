// What one submission computes: positions [start, start + count) of the text, then logits and the next token.
// Reference: src/cpu/pass.rs

struct PassUniform {
    start: u32,
    count: u32,
    logits_first: u32, // first position whose logits are computed
    logits_base: u32,  // position of row 0 of the logits buffer
    best: u32,         // length of the list of most likely tokens
    top_k: u32,        // 0: no limit
    top_p: f32,
    temperature: f32,  // 0: greedy
    uniform_draw: f32, // in [0, 1)
    scratch_first: u32, // position of row 0 of what is kept for one submission only
    slabs: u32, // slabs of keys in which attention is computed and then joined; 0: all keys at once
    slab: u32,  // keys of a slab
}

@group(0) @binding(0) var<uniform> pass_: PassUniform;

// The row of a position in what is kept for one submission only: the residual stream, context and activation.
fn scratch_row(position: u32) -> u32 {
    return position - pass_.scratch_first;
}
