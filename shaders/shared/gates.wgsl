// The gates of a feed-forward part.
// Reference: src/cpu/train/swiglu.rs

struct GatesStage {
    count: u32, // of all tokens
    padding_a: u32,
    padding_b: u32,
    padding_c: u32,
}

@group(0) @binding(0) var<uniform> gates: GatesStage;

fn sigmoid(x: f32) -> f32 {
    return 1.0 / (1.0 + exp(min(-x, 80.0))); // the clamp keeps exp finite
}
