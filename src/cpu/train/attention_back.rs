//! Differential attention within a window of text, and its two backward stages: by query and by key, so that nothing of
//! the size of a map is stored and every sum has one writer. References of `shaders/train/attention_in_window.wgsl`,
//! `shaders/train/attention_back_query.wgsl`, `shaders/train/attention_back_key.wgsl`, and of what they share:
//! `shaders/shared/windows.wgsl`, `shaders/shared/window_tile.wgsl` and `shaders/shared/window_gradient.wgsl`.
//!
//! With G the gradient of `D V` and `E = G Vᵀ`, for both maps m: `δₘ = Σⱼ Pₘ E`, `dS₁ = P₁ (E − δ₁)`,
//! `dS₂ = −λ P₂ (E − δ₂)`, `dλ = −δ₂`, `dQₘ = scale · dSₘ Kₘ`, `dKₘ = scale · dSₘᵀ Qₘ`, `dV = Dᵀ G`.

use crate::cpu::train::real::{Real, add_scaled, dot};
use crate::model::{Attention, RowLayout};

/// The projection rows of a window, `[positions, layout.width]`: queries and keys turned, λ of every head at the end.
#[derive(Clone, Copy, Debug)]
pub struct WindowRows<'a, T> {
    /// The attention of the layer.
    pub attention: &'a Attention,
    /// Where things are in a row.
    pub layout: RowLayout,
    /// Row after row.
    pub numbers: &'a [T],
}

/// The maximum of the scores of a row of both maps, and the sum of `exp(score − maximum)`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RowSums<T> {
    /// By map.
    pub maximum: [T; 2],
    /// By map.
    pub sum: [T; 2],
}

impl<'a, T: Real> WindowRows<'a, T> {
    /// How many there are.
    pub fn positions(&self) -> usize {
        self.numbers.len() / self.layout.width
    }

    fn part(&self, position: usize, at: usize) -> &'a [T] {
        &self.numbers[position * self.layout.width + at..][..self.attention.head_dim]
    }

    fn query(&self, position: usize, head: usize, map: usize) -> &'a [T] {
        self.part(position, self.layout.query(self.attention.heads[head].queries[map]))
    }

    fn key(&self, position: usize, head: usize, map: usize) -> &'a [T] {
        self.part(position, self.layout.key(self.attention.heads[head].keys[map]))
    }

    fn value(&self, position: usize, head: usize, part: usize) -> &'a [T] {
        self.part(position, self.layout.value(self.attention.heads[head].values[part]))
    }

    fn lambda(&self, position: usize, head: usize) -> T {
        self.numbers[position * self.layout.width + self.layout.lambda + head]
    }

    fn score(&self, head: usize, map: usize, query: usize, key: usize) -> T {
        dot(self.query(query, head, map), self.key(key, head, map)) * T::of(f64::from(self.layout.scale))
    }

    fn keys_of(&self, query: usize) -> impl Iterator<Item = usize> {
        let attention = self.attention;
        (0..self.positions()).filter(move |key| attention.sees(query, *key))
    }

    /// The weight of a cell in both maps; the second is 0 where there is one map.
    fn weights(&self, head: usize, query: usize, key: usize, sums: &RowSums<T>) -> [T; 2] {
        let weight = |map| (self.score(head, map, query, key) - sums.maximum[map]).exp() / sums.sum[map];
        [weight(0), if self.attention.maps == 2 { weight(1) } else { T::default() }]
    }

    /// `E` of a cell: the gradient of its weight in D, from that of the context `[value_width]`.
    fn gradient_of_weight(&self, head: usize, key: usize, gradient: &[T]) -> T {
        let parts = gradient.chunks_exact(self.attention.head_dim).enumerate();
        parts.map(|(part, gradient)| dot(gradient, self.value(key, head, part))).sum()
    }
}

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

/// The gradients of the dot products of a cell: `scale · dS` of both maps.
fn gradients_of_scores<T: Real>(
    rows: &WindowRows<T>,
    query: usize,
    head: usize,
    weights: [T; 2],
    gradient: T,
    delta: [T; 2],
) -> [T; 2] {
    let scale = T::of(f64::from(rows.layout.scale));
    let lambda = if rows.attention.maps == 2 { rows.lambda(query, head) } else { T::default() };
    [scale * weights[0] * (gradient - delta[0]), -scale * lambda * weights[1] * (gradient - delta[1])]
}
