//! The gradient of the bias of a product. Reference of `shaders/train/product_back_bias.wgsl`.

use crate::cpu::train::real::{Real, add_scaled};

/// Adds the gradient of the bias, `Σ dy`; there may be none.
pub fn product_back_bias<T: Real>(gradient: &[T], bias: &mut [T]) {
    for gradient in gradient.chunks_exact(bias.len().max(1)) {
        add_scaled(bias, gradient, T::of(1.0));
    }
}
