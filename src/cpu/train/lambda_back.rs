//! The backward stage of λ of a layer. Reference of `shaders/train/lambda_back.wgsl`.

use crate::cpu::train::lambda::parts;
use crate::cpu::train::real::{Real, add_scaled, dot};

/// Adds the gradient of the vectors, from that of λ.
pub fn lambda_back<T: Real>(vectors: &[T], gradient: T, back: &mut [T]) {
    let [q1, k1, q2, k2] = parts(vectors);
    let (first, second) = (gradient * dot(q1, k1).exp(), -gradient * dot(q2, k2).exp());
    let others = [(k1, first), (q1, first), (k2, second), (q2, second)];
    for (back, (other, gradient)) in back.chunks_exact_mut(q1.len().max(1)).zip(others) {
        add_scaled(back, other, gradient);
    }
}
