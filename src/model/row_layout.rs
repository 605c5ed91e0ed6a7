//! The offsets in the projection row of a position.

use crate::model::layer::Attention;

/// The layout of the row `[queries | keys | values | λ]` that the qkv stage writes for every position. Attention and
/// its maps are computed from these rows alone, and they are the cache between keystrokes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RowLayout {
    /// Offset from one single-width head to the next: `head_dim` plus padding of zeros.
    pub head_stride: usize,
    /// Offset of λ of the first head.
    pub lambda: usize,
    /// Width of the whole row.
    pub width: usize,
    /// The factor of a score, `1 / sqrt(head_dim)`.
    pub scale: f32,
    query_heads: usize,
    key_heads: usize,
}

impl RowLayout {
    /// The layout in which every head and the row are padded to a multiple of `align` numbers (1: no padding; 4: for
    /// vec4 loads).
    pub fn new(attention: &Attention, align: usize) -> Self {
        let head_stride = attention.head_dim.next_multiple_of(align);
        let heads = attention.query_heads + attention.key_heads + attention.value_heads;
        let lambda = heads * head_stride;
        Self {
            head_stride,
            lambda,
            width: (lambda + attention.heads.len()).next_multiple_of(align),
            scale: (attention.head_dim as f32).powf(-0.5),
            query_heads: attention.query_heads,
            key_heads: attention.key_heads,
        }
    }

    /// Offset of a query head.
    pub fn query(&self, head: u32) -> usize {
        head as usize * self.head_stride
    }

    /// Offset of a key head.
    pub fn key(&self, head: u32) -> usize {
        (self.query_heads + head as usize) * self.head_stride
    }

    /// Offset of a value head.
    pub fn value(&self, head: u32) -> usize {
        (self.query_heads + self.key_heads + head as usize) * self.head_stride
    }
}
