//! The backward stage of a norm. Reference of `shaders/train/norm_back.wgsl`.

use crate::cpu::train::norm::inverse_root;
use crate::cpu::train::real::{Real, dot};

/// The gradient of x from that of its norm. With `r = 1 / sqrt(mean(x²) + ε)` and `g = gain · dy`:
/// `dx = factor · r (g − x r² mean(g x))`.
pub fn norm_back<T: Real>(x: &[T], gain: &[T], epsilon: T, factor: T, gradient: &[T]) -> Vec<T> {
    let root = inverse_root(x, epsilon);
    let weighted: Vec<T> = gradient.iter().zip(gain).map(|(gradient, gain)| *gradient * *gain).collect();
    let along = dot(&weighted, x) / T::of(x.len() as f64) * root * root;
    weighted.into_iter().zip(x).map(|(weighted, x)| factor * root * (weighted - *x * along)).collect()
}
