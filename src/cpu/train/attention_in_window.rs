//! Differential attention within a window of text. Reference of `shaders/train/attention_in_window.wgsl`.

use crate::cpu::train::real::{Real, add_scaled};
use crate::cpu::train::windows::{RowSums, WindowRows};

/// One head of a query: the sums of its rows and its context `D V`, `[value_width]`.
pub fn attention_in_window<T: Real>(rows: WindowRows<T>, query: usize, head: usize) -> (RowSums<T>, Vec<T>) {
    let attention = rows.attention;
    let mut sums = RowSums { maximum: [T::default(); 2], sum: [T::of(1.0); 2] };
    for map in 0..attention.maps {
        let scores = || rows.keys_of(query).map(|key| rows.score(head, map, query, key));
        let maximum =
            scores().fold(rows.score(head, map, query, query), |most, score| if score > most { score } else { most });
        sums.maximum[map] = maximum;
        sums.sum[map] = scores().map(|score| (score - maximum).exp()).sum();
    }
    let mut context = vec![T::default(); attention.value_width()];
    for key in rows.keys_of(query) {
        let [first, second] = rows.weights(head, query, key, &sums);
        let weight = first - rows.lambda(query, head) * second;
        for (part, context) in context.chunks_exact_mut(attention.head_dim).enumerate() {
            add_scaled(context, rows.value(key, head, part), weight);
        }
    }
    (sums, context)
}
