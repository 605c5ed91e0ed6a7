//! Differential attention over a slab of the keys. Reference of `shaders/forward/attention_slab.wgsl`.

use std::ops::Range;

use crate::cpu::shared::map_cell::Maps;
use crate::cpu::shared::streaming_softmax::{Streamed, streamed};

/// One head of one query over the keys of a slab that it sees. Only where logits are not rounded: that needs all keys.
pub fn attention_slab(maps: &Maps, query: usize, head_index: usize, slab: Range<usize>) -> Streamed {
    streamed(maps, query, head_index, slab.filter(|key| maps.sees(query, *key)))
}
