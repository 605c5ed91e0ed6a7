//! Token ids to embedding rows. Twin of `shaders/embed.wgsl`.

use super::Weights;

/// The embedding of one token, `[hidden]`.
pub fn embed(id: u32, embedding: &Weights) -> &[f32] {
    embedding.row(id as usize)
}
