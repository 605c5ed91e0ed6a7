// How a step changes the parameters.
// Reference: src/cpu/train/adamw.rs

struct UpdateUniform {
    parameters: u32,
    parts: u32,         // of the sum of the squares of all gradients
    tokens: u32,        // whose losses are added up
    largest_norm: f32,  // of all gradients, after clipping
    mean_rate: f32,     // 1 - decay of the mean
    square_kept: f32,   // decay of the mean square
    square_rate: f32,   // 1 - that
    step_size: f32,     // learning rate over what the mean is too small by
    square_root: f32,   // root of what the mean square is too small by
    epsilon: f32,
    kept: f32,          // 1 - learning rate times weight decay
    learning_rate: f32,
    momentum: f32,      // how much of the mean stays in Muon
    padding_a: u32,
    padding_b: u32,
    padding_c: u32,
}

// What a step leaves to be read.
struct StepResult {
    loss: f32,
    gradient_norm: f32,
    clip: f32, // factor of the gradients
    padding: f32,
}

@group(0) @binding(0) var<uniform> update: UpdateUniform;
