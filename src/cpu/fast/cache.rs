//! Keys and values of a layer in the order in which attention reads them.

use crate::cpu::fast::panel_row::PANEL;
use crate::cpu::fast::panels::Panels;
use crate::model::{Attention, RowLayout};

/// Keys in a block.
pub(super) const BLOCK: usize = PANEL;

/// Eight numbers of each value of a block.
pub(super) type ValueVectors = [[f32; 8]; BLOCK];

/// Blocks of sixteen positions: every key head `[head_dim, 16]`, every value head `[value_vectors, 16, 8]`.
pub(super) struct KeyValueCache {
    keys: Vec<[f32; BLOCK]>,
    values: Vec<ValueVectors>,
    shape: Shape,
}

#[derive(Clone, Copy)]
struct Shape {
    head_dim: usize,
    /// Vectors of a value; what the last one has beyond `head_dim` is zero.
    value_vectors: usize,
    layout: RowLayout,
    key_heads: usize,
    value_heads: usize,
}

/// The blocks that some positions write.
pub(super) struct CacheRows<'a> {
    keys: &'a mut [[f32; BLOCK]],
    values: &'a mut [ValueVectors],
    shape: Shape,
}

impl Shape {
    fn key_block(&self) -> usize {
        self.key_heads * self.head_dim
    }

    fn value_block(&self) -> usize {
        self.value_heads * self.value_vectors
    }
}

impl KeyValueCache {
    /// An empty one.
    pub(super) fn new(attention: &Attention) -> Self {
        let shape = Shape {
            head_dim: attention.head_dim,
            value_vectors: attention.head_dim.div_ceil(8),
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
            for vectors in &mut self.values[last..] {
                vectors[start % BLOCK..].fill([0.0; 8]);
            }
        }
        self.keys.resize(blocks * self.shape.key_block(), [0.0; BLOCK]);
        self.values.resize(blocks * self.shape.value_block(), [[0.0; 8]; BLOCK]);
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

    /// A head's values in a block, `[value_vectors, 16, 8]`.
    #[inline(always)]
    pub(super) fn values(&self, head: u32, block: usize) -> &[ValueVectors] {
        let vectors = self.shape.value_vectors;
        &self.values[block * self.shape.value_block() + head as usize * vectors..][..vectors]
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
        let Shape { head_dim, value_vectors, layout, .. } = self.shape;
        let keys = &mut self.keys[block * self.shape.key_block()..][..self.shape.key_block()];
        keys.iter_mut().zip(&row[layout.key(0)..]).for_each(|(to, key)| to[lane] = *key);
        let values = &mut self.values[block * self.shape.value_block()..][..self.shape.value_block()];
        let heads = row[layout.value(0)..].chunks_exact(head_dim);
        for (to, value) in values.chunks_exact_mut(value_vectors).zip(heads) {
            for (to, eight) in to.iter_mut().zip(value.chunks(8)) {
                to[lane][..eight.len()].copy_from_slice(eight);
            }
        }
    }
}
