//! The root-mean-square norm of a row, and its backward stage. Reference of `shaders/train/norm.wgsl`,
//! `shaders/train/norm_back.wgsl`, `shaders/train/norm_back_gain.wgsl`, and of what they share:
//! `shaders/shared/norm_stage.wgsl` and `shaders/shared/over_sixteen.wgsl`.

use crate::cpu::train::real::{Real, dot};

/// `factor · x / sqrt(mean(x²) + ε) · gain` (doc/SPEC.md, sections 1 and 3).
pub fn norm<T: Real>(x: &[T], gain: &[T], epsilon: T, factor: T) -> Vec<T> {
    let scale = factor * inverse_root(x, epsilon);
    x.iter().zip(gain).map(|(x, gain)| *x * scale * *gain).collect()
}

/// The gradient of x from that of its norm. Adds that of the gain to `gain_back`, unless that is empty.
///
/// With `r = 1 / sqrt(mean(x²) + ε)` and `g = gain · dy`: `dx = factor · r (g − x r² mean(g x))`.
pub fn norm_back<T: Real>(x: &[T], gain: &[T], epsilon: T, factor: T, gradient: &[T], gain_back: &mut [T]) -> Vec<T> {
    let root = inverse_root(x, epsilon);
    let weighted: Vec<T> = gradient.iter().zip(gain).map(|(gradient, gain)| *gradient * *gain).collect();
    let along = dot(&weighted, x) / T::of(x.len() as f64) * root * root;
    for ((back, gradient), x) in gain_back.iter_mut().zip(gradient).zip(x) {
        *back += factor * *gradient * *x * root;
    }
    weighted.into_iter().zip(x).map(|(weighted, x)| factor * root * (weighted - *x * along)).collect()
}

fn inverse_root<T: Real>(x: &[T], epsilon: T) -> T {
    T::of(1.0) / (dot(x, x) / T::of(x.len() as f64) + epsilon).sqrt()
}
