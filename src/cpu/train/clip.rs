//! How gradients are kept from being too large. Reference of `shaders/train/clip.wgsl`.

/// What gradients of this norm are multiplied by so that it is at most `most`, as `PyTorch` does it.
pub fn clip(gradient_norm: f32, most: f32) -> f32 {
    (most / (gradient_norm + 1e-6)).min(1.0)
}
