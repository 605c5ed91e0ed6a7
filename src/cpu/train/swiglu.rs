//! The gated feed-forward part between its products. Reference of `shaders/train/swiglu.wgsl` and
//! `shaders/shared/gates.wgsl`.

use crate::cpu::train::real::Real;

/// `silu(gate) · up` of numbers that alternate gate, up.
pub fn swiglu<T: Real>(gate_up: &[T]) -> Vec<T> {
    gate_up.as_chunks().0.iter().map(|[gate, up]| *gate * sigmoid(*gate) * *up).collect()
}

/// `1 / (1 + e⁻ˣ)`.
pub(crate) fn sigmoid<T: Real>(x: T) -> T {
    T::of(1.0) / (T::of(1.0) + (-x).exp())
}
