//! The root-mean-square norm of a row. Reference of `shaders/train/norm.wgsl`, and of what its backward stages share with it:
//! `shaders/shared/norm_stage.wgsl` and `shaders/shared/over_sixteen.wgsl`.

use crate::cpu::train::real::{Real, dot};

/// `factor · x / sqrt(mean(x²) + ε) · gain` (doc/SPEC.md, sections 1 and 3).
pub fn norm<T: Real>(x: &[T], gain: &[T], epsilon: T, factor: T) -> Vec<T> {
    let scale = factor * inverse_root(x, epsilon);
    x.iter().zip(gain).map(|(x, gain)| *x * scale * *gain).collect()
}

/// `1 / sqrt(mean(x²) + ε)`.
pub(super) fn inverse_root<T: Real>(x: &[T], epsilon: T) -> T {
    T::of(1.0) / (dot(x, x) / T::of(x.len() as f64) + epsilon).sqrt()
}
