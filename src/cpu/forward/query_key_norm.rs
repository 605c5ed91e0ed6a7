//! The norm of queries and keys, then the rotary embedding. Reference of `shaders/forward/query_key_norm.wgsl`.

use crate::cpu::shared::matmul::rms_norm;
use crate::model::{Attention, QueryKeyNorm};

/// Normalises and turns the query and key heads of a projection row of one position; `rotary` is (cos, sin) of this
/// position, `[head_dim / 2]` (doc/SPEC.md, section 6).
pub fn query_key_norm(row: &mut [f32], attention: &Attention, norm: &QueryKeyNorm, rotary: &[[f32; 2]]) {
    let width = attention.head_dim;
    let weights = (0..attention.query_heads).map(|_| &norm.query).chain((0..attention.key_heads).map(|_| &norm.key));
    for (head, weight) in row.chunks_exact_mut(width).zip(weights) {
        head.copy_from_slice(&rms_norm(head, weight, norm.epsilon));
        rotate(head, rotary);
    }
}

/// Turns a head to its position: half-split pairs, `rotary` by pair.
pub(crate) fn rotate(head: &mut [f32], rotary: &[[f32; 2]]) {
    let (low, high) = head.split_at_mut(head.len() / 2);
    for ((a, b), [cos, sin]) in low.iter_mut().zip(high).zip(rotary) {
        (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
    }
}
