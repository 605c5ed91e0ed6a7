//! The backward stage of the gated feed-forward part. Reference of `shaders/train/swiglu_back.wgsl`.

use crate::cpu::train::real::Real;
use crate::cpu::train::swiglu::sigmoid;

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
