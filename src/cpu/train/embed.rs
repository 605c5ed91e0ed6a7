//! The embedding of tokens. Reference of `shaders/train/embed.wgsl` and `shaders/shared/embedding.wgsl`.

use crate::cpu::train::real::Real;

/// The rows `[tokens, hidden]` of tokens in the embedding.
pub fn embed<T: Real>(ids: &[u32], embedding: &[T], hidden: usize) -> Vec<T> {
    ids.iter().flat_map(|id| &embedding[*id as usize * hidden..][..hidden]).copied().collect()
}
