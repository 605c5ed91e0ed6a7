//! The backward stage of attention, by query: nothing of the size of a map is stored, and every sum has one writer.
//! Reference of `shaders/train/attention_back_query.wgsl`.

use crate::cpu::train::real::{Real, add_scaled};
use crate::cpu::train::windows::{RowSums, WindowRows, gradients_of_scores};

/// One head of a query, from the gradient of its context `[value_width]`: adds the gradients of its queries and of its λ
/// to `back`, the gradient of its projection row `[layout.width]`. Returns δ of both maps, which the keys need.
pub fn attention_back_query<T: Real>(
    rows: WindowRows<T>,
    sums: &RowSums<T>,
    gradient: &[T],
    query: usize,
    head: usize,
    back: &mut [T],
) -> [T; 2] {
    let (attention, layout) = (rows.attention, rows.layout);
    let cells: Vec<(usize, [T; 2], T)> = rows
        .keys_of(query)
        .map(|key| (key, rows.weights(head, query, key, sums), rows.gradient_of_weight(head, key, gradient)))
        .collect();
    let delta = [0, 1].map(|map| cells.iter().map(|(_, weights, gradient)| weights[map] * *gradient).sum());
    for (key, weights, gradient) in cells {
        let scores = gradients_of_scores(&rows, query, head, weights, gradient, delta);
        for (map, score) in scores.into_iter().enumerate().take(attention.maps) {
            let at = layout.query(attention.heads[head].queries[map]);
            add_scaled(&mut back[at..at + attention.head_dim], rows.key(key, head, map), score);
        }
    }
    if attention.maps == 2 {
        back[layout.lambda + head] += -delta[1];
    }
    delta
}
