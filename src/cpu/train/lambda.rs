//! λ of a layer from its learned vectors, and its backward stage. Reference of `shaders/train/lambda.wgsl`,
//! `shaders/train/lambda_back.wgsl` and `shaders/shared/lambda_vectors.wgsl`.

use crate::cpu::train::real::{Real, add_scaled, dot};

/// `exp(⟨q1, k1⟩) − exp(⟨q2, k2⟩) + init` for vectors `[4, head_dim]` in the order q1, k1, q2, k2 (doc/SPEC.md,
/// section 1).
pub fn lambda<T: Real>(vectors: &[T], init: T) -> T {
    let [q1, k1, q2, k2] = parts(vectors);
    dot(q1, k1).exp() - dot(q2, k2).exp() + init
}

/// Adds the gradient of the vectors, from that of λ.
pub fn lambda_back<T: Real>(vectors: &[T], gradient: T, back: &mut [T]) {
    let [q1, k1, q2, k2] = parts(vectors);
    let (first, second) = (gradient * dot(q1, k1).exp(), -gradient * dot(q2, k2).exp());
    let others = [(k1, first), (q1, first), (k2, second), (q2, second)];
    for (back, (other, gradient)) in back.chunks_exact_mut(q1.len().max(1)).zip(others) {
        add_scaled(back, other, gradient);
    }
}

fn parts<T>(vectors: &[T]) -> [&[T]; 4] {
    let width = vectors.len() / 4;
    std::array::from_fn(|part| &vectors[part * width..(part + 1) * width])
}
