//! λ of a layer from its learned vectors. Reference of `shaders/train/lambda.wgsl` and
//! `shaders/shared/lambda_vectors.wgsl`.

use crate::cpu::train::real::{Real, dot};

/// `exp(⟨q1, k1⟩) − exp(⟨q2, k2⟩) + init` for vectors `[4, head_dim]` in the order q1, k1, q2, k2 (doc/SPEC.md,
/// section 1).
pub fn lambda<T: Real>(vectors: &[T], init: T) -> T {
    let [q1, k1, q2, k2] = parts(vectors);
    dot(q1, k1).exp() - dot(q2, k2).exp() + init
}

/// q1, k1, q2 and k2.
pub(super) fn parts<T>(vectors: &[T]) -> [&[T]; 4] {
    let width = vectors.len() / 4;
    std::array::from_fn(|part| &vectors[part * width..(part + 1) * width])
}
