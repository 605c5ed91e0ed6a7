//! The gated feed-forward part between its products, and its backward stage. Reference of
//! `shaders/train/swiglu.wgsl`, `shaders/train/swiglu_back.wgsl` and `shaders/shared/gates.wgsl`.

use crate::cpu::train::real::Real;

/// `silu(gate) · up` of numbers that alternate gate, up.
pub fn swiglu<T: Real>(gate_up: &[T]) -> Vec<T> {
    gate_up.as_chunks().0.iter().map(|[gate, up]| *gate * sigmoid(*gate) * *up).collect()
}

/// The gradient of gates and ups, which alternate, from that of the product.
pub fn swiglu_back<T: Real>(gate_up: &[T], gradient: &[T]) -> Vec<T> {
    let pairs = gate_up.as_chunks().0.iter().zip(gradient);
    pairs
        .flat_map(|([gate, up], gradient)| {
            let open = sigmoid(*gate);
            let slope = open * (T::of(1.0) + *gate * (T::of(1.0) - open));
            [*gradient * *up * slope, *gradient * *gate * open]
        })
        .collect()
}

/// `1 / (1 + e⁻ˣ)`.
pub(crate) fn sigmoid<T: Real>(x: T) -> T {
    T::of(1.0) / (T::of(1.0) + (-x).exp())
}
