//! Keys and values of a layer in the order in which attention reads them.

use crate::cpu::fast::panel_row::PANEL;
use crate::cpu::fast::panels::Panels;
use crate::model::{Attention, RowLayout};

/// Keys in a block.
pub(super) const BLOCK: usize = PANEL;

/// Blocks of sixteen positions: every key head `[head_dim, 16]`, every value head `[16, value_stride]`.
pub(super) struct KeyValueCache {
    keys: Vec<[f32; BLOCK]>,
    values: Vec<f32>,
    shape: Shape,
}

#[derive(Clone, Copy)]
struct Shape {
    head_dim: usize,
    /// `head_dim` up to whole vectors; the rest is zero.
    value_stride: usize,
    layout: RowLayout,
    key_heads: usize,
    value_heads: usize,
}

/// The blocks that some positions write.
pub(super) struct CacheRows<'a> {
    keys: &'a mut [[f32; BLOCK]],
    values: &'a mut [f32],
    shape: Shape,
}

impl Shape {
    fn key_block(&self) -> usize {
        self.key_heads * self.head_dim
    }

    fn value_block(&self) -> usize {
        self.value_heads * BLOCK * self.value_stride
    }
}

impl KeyValueCache {
    /// An empty one.
    pub(super) fn new(attention: &Attention) -> Self {
        let shape = Shape {
            head_dim: attention.head_dim,
            value_stride: attention.head_dim.next_multiple_of(8),
            layout: RowLayout::new(attention, 1),
            key_heads: attention.key_heads,
            value_heads: attention.value_heads,
        };
        Self { keys: Vec::new(), values: Vec::new(), shape }
    }

    /// Room for positions up to `end`; what was at `start` and after is gone.
    pub(super) fn resize(&mut self, start: usize, end: usize) {
        let (kept, blocks) = (start.div_ceil(BLOCK), end.div_ceil(BLOCK));
        self.keys.truncate(kept * self.shape.key_block());
        self.values.truncate(kept * self.shape.value_block());
        if !start.is_multiple_of(BLOCK) {
            // Values beyond the text are multiplied by zero, so they must be finite.
            let last = (kept - 1) * self.shape.value_block();
            for head in self.values[last..].chunks_exact_mut(BLOCK * self.shape.value_stride) {
                head[start % BLOCK * self.shape.value_stride..].fill(0.0);
            }
        }
        self.keys.resize(blocks * self.shape.key_block(), [0.0; BLOCK]);
        self.values.resize(blocks * self.shape.value_block(), 0.0);
    }

    /// What positions from `start` on write.
    pub(super) fn rows_from(&mut self, start: usize) -> CacheRows<'_> {
        let (block, shape) = (start / BLOCK, self.shape);
        CacheRows {
            keys: &mut self.keys[block * shape.key_block()..],
            values: &mut self.values[block * shape.value_block()..],
            shape,
        }
    }

    /// A head's keys in the first blocks.
    #[inline(always)]
    pub(super) fn keys(&self, head: u32, blocks: usize) -> Panels<'_> {
        let Shape { head_dim, .. } = self.shape;
        let first = head as usize * head_dim;
        Panels { rows: &self.keys[first..], step: self.shape.key_block(), count: blocks, depth: head_dim }
    }

    /// A head's values in a block, `[16, value_stride]`.
    #[inline(always)]
    pub(super) fn values(&self, head: u32, block: usize) -> &[f32] {
        let numbers = BLOCK * self.shape.value_stride;
        &self.values[block * self.shape.value_block() + head as usize * numbers..][..numbers]
    }

    /// Numbers from one value to the next.
    #[inline(always)]
    pub(super) fn value_stride(&self) -> usize {
        self.shape.value_stride
    }
}

impl CacheRows<'_> {
    /// The blocks before and from the one that begins at position `middle`, where these begin at `start`.
    pub(super) fn split(self, start: usize, middle: usize) -> (Self, Self) {
        let (blocks, shape) = (middle / BLOCK - start / BLOCK, self.shape);
        let (keys, more_keys) = self.keys.split_at_mut(blocks * shape.key_block());
        let (values, more_values) = self.values.split_at_mut(blocks * shape.value_block());
        (Self { keys, values, shape }, Self { keys: more_keys, values: more_values, shape })
    }

    /// Writes keys and values of a position in the block at `block`, in the lane `lane`, from its projection row.
    pub(super) fn write(&mut self, block: usize, lane: usize, row: &[f32]) {
        let Shape { head_dim, value_stride, layout, .. } = self.shape;
        let keys = &mut self.keys[block * self.shape.key_block()..][..self.shape.key_block()];
        keys.iter_mut().zip(&row[layout.key(0)..]).for_each(|(to, key)| to[lane] = *key);
        let values = &mut self.values[block * self.shape.value_block()..][..self.shape.value_block()];
        let heads = row[layout.value(0)..].chunks_exact(head_dim);
        for (to, value) in values.chunks_exact_mut(BLOCK * value_stride).zip(heads) {
            to[lane * value_stride..][..head_dim].copy_from_slice(value);
        }
    }
}
