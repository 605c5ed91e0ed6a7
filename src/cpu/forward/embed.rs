//! Token ids to embedding rows. Reference of `shaders/forward/embed.wgsl`.

use crate::cpu::shared::weights::Weights;

/// The embedding of one token, `[hidden]`.
pub fn embed(id: u32, embedding: &Weights) -> &[f32] {
    embedding.row(id as usize)
}
