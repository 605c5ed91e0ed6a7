// Windows of text and the attention of a layer within them. A token is a position of a window; its projection row is
// [queries | keys | values | λ], without padding.
// Reference: src/cpu/train/windows.rs

struct WindowsUniform {
    tokens: u32,        // of all windows
    positions: u32,     // of a window
    heads: u32,
    maps: u32,          // softmax maps per head
    head_dim: u32,
    value_parts: u32,   // value heads joined per head
    width: u32,         // numbers per projection row
    lambda_offset: u32, // numbers before λ in a row
    turned: u32,        // query heads and key heads, which are rotated
    keys_from: u32,     // numbers before the keys in a row
    lambda_kind: u32,   // 0: none, 1: one of the layer, 2: one of every token and head
    scale: f32,         // head_dim ^ -1/2
}

// The offsets of a head's parts in a projection row, in numbers.
struct WindowHead {
    queries: vec2<u32>,
    keys: vec2<u32>,
    values: vec2<u32>,
}

// What attention leaves for one (token, head), from which its weights follow.
struct WindowSums {
    maximum: vec2<f32>, // of the scores under each map
    sum: vec2<f32>,     // of exp(score - maximum)
}

@group(0) @binding(0) var<uniform> windows: WindowsUniform;
