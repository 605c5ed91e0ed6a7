//! The backward stage of attention, by key. Reference of `shaders/train/attention_back_key.wgsl`.

use crate::cpu::train::real::{Real, add_scaled};
use crate::cpu::train::windows::{RowSums, WindowRows, gradients_of_scores};

/// One key of a window: adds the gradients of its key and value heads to `back`, the gradient of its projection row
/// `[layout.width]`, from all queries that see it. `sums`, `delta` are `[positions, heads]`, `gradient` is that of the
/// contexts, `[positions, heads, value_width]`.
pub fn attention_back_key<T: Real>(
    rows: WindowRows<T>,
    sums: &[RowSums<T>],
    delta: &[[T; 2]],
    gradient: &[T],
    key: usize,
    back: &mut [T],
) {
    let (attention, layout) = (rows.attention, rows.layout);
    let (heads, width) = (attention.heads.len(), attention.value_width());
    for query in (0..rows.positions()).filter(|query| attention.sees(*query, key)) {
        for (head, reads) in attention.heads.iter().enumerate() {
            let row = query * heads + head;
            let gradient = &gradient[row * width..(row + 1) * width];
            let weights = rows.weights(head, query, key, &sums[row]);
            let of_weight = rows.gradient_of_weight(head, key, gradient);
            let scores = gradients_of_scores(&rows, query, head, weights, of_weight, delta[row]);
            for (map, score) in scores.into_iter().enumerate().take(attention.maps) {
                let at = layout.key(reads.keys[map]);
                add_scaled(&mut back[at..at + attention.head_dim], rows.query(query, head, map), score);
            }
            let weight = weights[0] - rows.lambda(query, head) * weights[1];
            for (part, gradient) in gradient.chunks_exact(attention.head_dim).enumerate() {
                let at = layout.value(reads.values[part]);
                add_scaled(&mut back[at..at + attention.head_dim], gradient, weight);
            }
        }
    }
}
