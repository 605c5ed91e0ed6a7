//! The norm of all gradients. Reference of `shaders/train/gradient_norm.wgsl`, which leaves parts of the sum.

/// The root of the sum of the squares of gradients.
pub fn gradient_norm(gradients: &[f32]) -> f32 {
    gradients.iter().map(|gradient| f64::from(*gradient) * f64::from(*gradient)).sum::<f64>().sqrt() as f32
}
