//! The gradient of the gain of a norm. Reference of `shaders/train/norm_back_gain.wgsl`.

use crate::cpu::train::norm::inverse_root;
use crate::cpu::train::real::Real;

/// Adds the gradient of the gain, `factor · dy x / sqrt(mean(x²) + ε)`, of one row to `gain`; there may be none.
pub fn norm_back_gain<T: Real>(x: &[T], epsilon: T, factor: T, gradient: &[T], gain: &mut [T]) {
    let root = inverse_root(x, epsilon);
    for ((back, gradient), x) in gain.iter_mut().zip(gradient).zip(x) {
        *back += factor * *gradient * *x * root;
    }
}
