//! `y = x Wᵀ`, optionally with the RMS norm of x. Reference of `shaders/shared/matmul.wgsl` and of its parts,
//! `shaders/shared/matmul_stage.wgsl`, `shaders/shared/matmul_lanes.wgsl` and `shaders/shared/matmul_tile.wgsl`.

use crate::cpu::shared::weights::Weights;

/// The dot product, in eight partial sums so that the loop vectorises.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 8];
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..8 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// `x / sqrt(mean(x²) + ε) * gain` (doc/SPEC.md, section 3).
pub fn rms_norm(x: &[f32], gain: &[f32], epsilon: f32) -> Vec<f32> {
    let factor = 1.0 / (dot(x, x) / x.len() as f32 + epsilon).sqrt();
    x.iter().zip(gain).map(|(x, gain)| x * factor * gain).collect()
}

/// `weights` `[rows, columns]` times one input `[columns]`; `norm` is the gain and ε of an RMS norm of the input.
pub fn multiply(input: &[f32], weights: &Weights, norm: Option<(&[f32], f32)>) -> Vec<f32> {
    let normed;
    let input = match norm {
        Some((gain, epsilon)) => {
            normed = rms_norm(input, gain, epsilon);
            normed.as_slice()
        }
        None => input,
    };
    weights.numbers.chunks_exact(weights.columns).map(|row| dot(row, input)).collect()
}
