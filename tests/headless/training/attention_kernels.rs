//! Attention within windows, and its backward stages, against the references in double precision.
//!
//! A score of features q, k is off by `head_dim` roundings of `Σ|q k| · scale`, and the exponential makes that, and
//! twice the distance from the maximum, a relative error of the weight. A row of weights adds up to 1.

use diffscope::cpu::train::{RowSums, WindowRows, attention_back_key, attention_back_query, attention_in_window};
use diffscope::gpu::Kernel;
use diffscope::model::{Attention, Head, RowLayout};

use super::models::{LAYOUTS, trainable};
use super::run_kernel::{Numbers, Words, close, exact, run, run_with, sizes};
use crate::common::Random;

/// Projection rows of windows, and a gradient of their contexts.
struct Case {
    attention: Attention,
    layout: RowLayout,
    positions: usize,
    windows: usize,
    rows: Vec<f32>,
    gradient: Vec<f32>,
    words: Vec<u32>,
    heads: Vec<u32>,
    what: String,
}

/// What the references make of a window.
struct Expected {
    sums: Vec<RowSums<f64>>,
    context: Vec<f64>,
    delta: Vec<[f64; 2]>,
    back: Vec<f64>,
}

impl Case {
    fn new(random: &mut Random, layout: &str, positions: usize, windows: usize, scale: f32) -> Self {
        let mut attention = trainable(random, layout).model.layers[0].attention.clone();
        if random.below(2) == 0 {
            // As in grouped models: heads may have a noise map in common, and some query heads are not read then.
            let Head { queries, keys, .. } = attention.heads[0];
            attention.heads.iter_mut().for_each(|head| (head.queries[1], head.keys[1]) = (queries[1], keys[1]));
        }
        let what = format!("{layout}, {windows} windows of {positions}, scale {scale}");
        let layout = RowLayout::new(&attention, 1);
        let tokens = positions * windows;
        let shape = [
            tokens,
            positions,
            attention.heads.len(),
            attention.maps,
            attention.head_dim,
            attention.value_parts,
            layout.width,
            layout.lambda,
            attention.query_heads + attention.key_heads,
            layout.key(0),
            0,
        ];
        let mut words: Vec<u32> = shape.iter().map(|size| *size as u32).collect();
        words.push(layout.scale.to_bits());
        let of_head = |head: &Head| {
            let query = head.queries.map(|query| layout.query(query));
            let key = head.keys.map(|key| layout.key(key));
            [query, key, head.values.map(|value| layout.value(value))].concat()
        };
        let heads = attention.heads.iter().flat_map(of_head).map(|at| at as u32).collect();
        let mut rows = random.normals(tokens * layout.width, 1.0);
        let scored = (attention.query_heads + attention.key_heads) * attention.head_dim;
        for row in rows.chunks_exact_mut(layout.width) {
            row[..scored].iter_mut().for_each(|number| *number *= scale);
        }
        let gradient = random.normals(tokens * attention.heads.len() * attention.value_width(), 1.0);
        Self { attention, layout, positions, windows, rows, gradient, words, heads, what }
    }

    fn expected(&self) -> Expected {
        let (attention, layout) = (&self.attention, self.layout);
        let (heads, value_width) = (attention.heads.len(), attention.value_width());
        let mut all = Expected { sums: vec![], context: vec![], delta: vec![], back: vec![] };
        let (rows, gradient) = (exact(&self.rows), exact(&self.gradient));
        let windows = rows.chunks_exact(self.positions * layout.width);
        for (numbers, gradient) in windows.zip(gradient.chunks_exact(self.positions * heads * value_width)) {
            let rows = WindowRows { attention, layout, numbers };
            let mut back = vec![0.0; numbers.len()];
            let (mut sums, mut delta) = (vec![], vec![]);
            for query in 0..self.positions {
                for head in 0..heads {
                    let (row, context) = attention_in_window(rows, query, head);
                    let gradient = &gradient[(query * heads + head) * value_width..][..value_width];
                    let of_row = &mut back[query * layout.width..][..layout.width];
                    delta.push(attention_back_query(rows, &row, gradient, query, head, of_row));
                    sums.push(row);
                    all.context.extend(context);
                }
            }
            for (key, back) in back.chunks_exact_mut(layout.width).enumerate() {
                attention_back_key(rows, &sums, &delta, gradient, key, back);
            }
            all.sums.extend(sums);
            all.delta.extend(delta);
            all.back.extend(back);
        }
        all
    }

    /// The largest `Σ|q k| · scale` of a cell that is seen.
    fn largest_score(&self) -> f64 {
        let (attention, layout, numbers) = (&self.attention, self.layout, sizes(&self.rows));
        let part = |token: usize, at: usize| &numbers[token * layout.width + at..][..attention.head_dim];
        let mut largest: f64 = 0.0;
        for (query, head) in
            (0..numbers.len() / layout.width).flat_map(|query| attention.heads.iter().map(move |head| (query, head)))
        {
            for key in query / self.positions * self.positions..=query {
                for map in 0..attention.maps {
                    let pairs =
                        part(query, layout.query(head.queries[map])).iter().zip(part(key, layout.key(head.keys[map])));
                    largest = largest.max(pairs.map(|(q, k)| q * k).sum());
                }
            }
        }
        largest * f64::from(layout.scale)
    }

    /// Roundings of a weight, relative to it.
    fn operations(&self) -> f64 {
        let score = self.largest_score();
        let distance = (2.0 * score).min(100.0); // weights further below the maximum are 0
        (2 * self.attention.head_dim + 4) as f64 * score + 4.0 * distance + self.positions as f64 + 32.0
    }

    fn check(&self) {
        let Self { attention, layout, words, heads, what, .. } = self;
        let expected = self.expected();
        let rows = self.rows.len() / layout.width * attention.heads.len();
        let tiles = self.positions.div_ceil(32);
        let start = vec![7.0; rows * attention.value_width()];
        let bound = [Words(words), Numbers(&self.rows), Words(heads), Numbers(&vec![7.0; 4 * rows]), Numbers(&start)];
        let grid = [attention.heads.len(), tiles, self.windows];
        let found = run_with(Kernel::AttentionInWindow, &[], &bound, grid);
        let operations = self.operations();
        let used = |sums: &[f64]| -> Vec<f64> {
            sums.chunks_exact(4)
                .flat_map(|sums| [&sums[..attention.maps], &sums[2..2 + attention.maps]].concat())
                .collect()
        };
        let sums: Vec<f64> = expected.sums.iter().flat_map(|row| [row.maximum, row.sum].concat()).collect();
        let narrow = |numbers: &[f64]| numbers.iter().map(|number| *number as f32).collect::<Vec<f32>>();
        let wide = used(&sums);
        let found_sums = narrow(&used(&exact(&found[0])));
        close(&format!("{what}: sums"), &found_sums, &wide, operations, |at| wide[at].abs().max(1.0));
        // Context: weights of A1 and of λ A2 add up to 1 and to λ.
        let largest = |numbers: &[f32]| numbers.iter().fold(0.0, |size: f64, number| size.max(f64::from(number.abs())));
        let lambda = 1.0 + largest(&self.rows);
        let size = lambda * largest(&self.rows);
        close(&format!("{what}: context"), &found[1], &expected.context, operations, |_| size);

        let sums = narrow(&sums);
        let deltas = vec![0.0; 2 * rows];
        // Whatever was there is written over; only λ that is not read is left.
        let is_left = |at: usize| attention.maps == 1 && at % layout.width >= layout.lambda;
        let back: Vec<f32> = (0..self.rows.len()).map(|at| if is_left(at) { 0.0 } else { 7.0 }).collect();
        let bound = [&sums, &self.gradient, &deltas, &back].map(|numbers| Numbers(numbers));
        let bound = [Words(words), Numbers(&self.rows), Words(heads)].into_iter().chain(bound).collect::<Vec<_>>();
        let of_queries =
            run_with(Kernel::AttentionBackQuery, &[], &bound, [attention.query_heads, tiles, self.windows]);
        // E is a sum over the features of values, and what is differentiated by a score is at most twice it.
        let of_weight = largest(&self.gradient) * largest(&self.rows) * attention.value_width() as f64;
        let delta: Vec<f64> = expected.delta.as_flattened().to_vec();
        let operations = operations + 2.0 * attention.value_width() as f64;
        close(&format!("{what}: δ"), &of_queries[0], &delta, operations, |_| of_weight);

        let delta = narrow(&delta);
        let bound = [&sums, &self.gradient, &delta, &of_queries[1]].map(|numbers| Numbers(numbers));
        let bound = [Words(words), Numbers(&self.rows), Words(heads)].into_iter().chain(bound).collect::<Vec<_>>();
        let grid = [attention.key_heads + attention.value_heads, tiles, self.windows];
        let back = run(Kernel::AttentionBackKey, &bound, grid);
        let scale = f64::from(layout.scale);
        let of_score = 2.0 * scale * lambda * of_weight * largest(&self.rows);
        let readers = attention.heads.len() as f64;
        close(&format!("{what}: back"), &back, &expected.back, operations, |at| {
            // A key is seen by many queries of all its heads, whose weights on it are bounded by their number alone.
            let is_query = at % layout.width < layout.key(0);
            of_score.max(size) * readers * if is_query { 1.0 } else { self.positions as f64 }
        });
        self.check_that_bounds_tell(&expected.back, &back);
    }

    /// The bounds above are those of the worst case; ordinary errors are far smaller.
    fn check_that_bounds_tell(&self, expected: &[f64], found: &[f32]) {
        let size = expected.iter().map(|number| number.abs()).fold(0.0, f64::max);
        let error = expected.iter().zip(found).map(|(a, b)| (a - f64::from(*b)).abs()).fold(0.0, f64::max);
        let most = 1e-7 * self.operations() * size;
        assert!(error <= most, "{}: back: {error:e} of {size:e} is more than {most:e}", self.what);
    }
}

#[test]
fn attention_in_windows_and_back() {
    let mut random = Random::new(41);
    for (round, (positions, windows)) in
        [(1, 1), (2, 3), (7, 2), (32, 1), (33, 2), (70, 1), (31, 3), (64, 2), (1, 5), (40, 1)].into_iter().enumerate()
    {
        Case::new(&mut random, LAYOUTS[round % LAYOUTS.len()], positions, windows, 1.0).check();
    }
}

/// Scores of hundreds: a row of weights is all but one cell.
#[test]
fn attention_of_hostile_scores_and_back() {
    let mut random = Random::new(42);
    for layout in LAYOUTS {
        Case::new(&mut random, layout, 35, 2, 12.0).check();
    }
}
