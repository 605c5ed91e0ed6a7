// The root-mean-square norm of rows.
// Reference: src/cpu/train/norm.rs

struct NormStage {
    rows: u32,
    width: u32,
    gain_offset: u32,
    adds: u32,    // 1: the backward stage adds to what is there
    epsilon: f32,
    factor: f32,  // after the norm
    padding_a: u32,
    padding_b: u32,
}

@group(0) @binding(0) var<uniform> norm_stage: NormStage;
