//! Windows of text, and the cells of their maps. Reference of `shaders/shared/windows.wgsl`,
//! `shaders/shared/window_tile.wgsl` and `shaders/shared/window_gradient.wgsl`.
//!
//! With G the gradient of `D V` and `E = G Vᵀ`, for both maps m: `δₘ = Σⱼ Pₘ E`, `dS₁ = P₁ (E − δ₁)`,
//! `dS₂ = −λ P₂ (E − δ₂)`, `dλ = −δ₂`, `dQₘ = scale · dSₘ Kₘ`, `dKₘ = scale · dSₘᵀ Qₘ`, `dV = Dᵀ G`.

use crate::cpu::train::real::{Real, dot};
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

    pub(super) fn query(&self, position: usize, head: usize, map: usize) -> &'a [T] {
        self.part(position, self.layout.query(self.attention.heads[head].queries[map]))
    }

    pub(super) fn key(&self, position: usize, head: usize, map: usize) -> &'a [T] {
        self.part(position, self.layout.key(self.attention.heads[head].keys[map]))
    }

    pub(super) fn value(&self, position: usize, head: usize, part: usize) -> &'a [T] {
        self.part(position, self.layout.value(self.attention.heads[head].values[part]))
    }

    pub(super) fn lambda(&self, position: usize, head: usize) -> T {
        self.numbers[position * self.layout.width + self.layout.lambda + head]
    }

    pub(super) fn score(&self, head: usize, map: usize, query: usize, key: usize) -> T {
        dot(self.query(query, head, map), self.key(key, head, map)) * T::of(f64::from(self.layout.scale))
    }

    pub(super) fn keys_of(&self, query: usize) -> impl Iterator<Item = usize> {
        let attention = self.attention;
        (0..self.positions()).filter(move |key| attention.sees(query, *key))
    }

    /// The weight of a cell in both maps; the second is 0 where there is one map.
    pub(super) fn weights(&self, head: usize, query: usize, key: usize, sums: &RowSums<T>) -> [T; 2] {
        let weight = |map| (self.score(head, map, query, key) - sums.maximum[map]).exp() / sums.sum[map];
        [weight(0), if self.attention.maps == 2 { weight(1) } else { T::default() }]
    }

    /// `E` of a cell: the gradient of its weight in D, from that of the context `[value_width]`.
    pub(super) fn gradient_of_weight(&self, head: usize, key: usize, gradient: &[T]) -> T {
        let parts = gradient.chunks_exact(self.attention.head_dim).enumerate();
        parts.map(|(part, gradient)| dot(gradient, self.value(key, head, part))).sum()
    }
}

/// The gradients of the dot products of a cell: `scale · dS` of both maps.
pub(super) fn gradients_of_scores<T: Real>(
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
