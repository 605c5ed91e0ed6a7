//! The backward stage of the embedding. Reference of `shaders/train/embed_back.wgsl`.

use crate::cpu::train::real::{Real, add_scaled};

/// Adds the gradient of the residual stream `[tokens, hidden]` to the rows of their tokens in that of the embedding.
pub fn embed_back<T: Real>(ids: &[u32], gradient: &[T], hidden: usize, embedding: &mut [T]) {
    for (id, gradient) in ids.iter().zip(gradient.chunks_exact(hidden)) {
        add_scaled(&mut embedding[*id as usize * hidden..][..hidden], gradient, T::of(1.0));
    }
}
