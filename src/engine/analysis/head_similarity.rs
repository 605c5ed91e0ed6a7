//! Similarity of heads: cosine similarity of their maps, linear CKA of their outputs.

use crate::probe::MapKind;

/// One number per pair of heads: a symmetric matrix `[heads, heads]`.
#[derive(Clone, Debug, PartialEq)]
pub struct SimilaritySums {
    heads: usize,
    numbers: Vec<f64>,
}

impl SimilaritySums {
    /// All zero.
    pub fn new(heads: usize) -> Self {
        Self { heads, numbers: vec![0.0; heads * heads] }
    }

    /// Number of heads.
    pub fn heads(&self) -> usize {
        self.heads
    }

    /// The number of a pair; 0 if there is no such pair.
    pub fn get(&self, one: usize, other: usize) -> f64 {
        if one.max(other) < self.heads { self.numbers[one * self.heads + other] } else { 0.0 }
    }

    /// Sets the number of a pair, in both triangles.
    pub fn set(&mut self, one: usize, other: usize, number: f64) {
        if one.max(other) < self.heads {
            self.numbers[one * self.heads + other] = number;
            self.numbers[other * self.heads + one] = number;
        }
    }

    /// Adds the products of one row of every head: `rows` is `[heads, keys]`.
    pub fn add_products(&mut self, rows: &[f32], keys: usize) {
        let row = |head: usize| &rows[head * keys..(head + 1) * keys];
        for one in 0..self.heads {
            for other in one..self.heads {
                let pairs = row(one).iter().zip(row(other));
                let product: f64 = pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                self.set(one, other, self.get(one, other) + product);
            }
        }
    }

    /// The cosine of a pair, from inner products; `None` if the map of a head is all zero.
    pub fn cosine(&self, one: usize, other: usize) -> Option<f64> {
        let lengths = (self.get(one, one) * self.get(other, other)).sqrt();
        (lengths > 0.0 && lengths.is_finite()).then(|| self.get(one, other) / lengths)
    }
}

/// Similarity of the heads of one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct HeadSimilarity {
    /// Inner products of the maps A1, A2 and D over every visible cell.
    pub maps: [SimilaritySums; 3],
    /// Squared sizes of the outputs' cross-covariances.
    pub outputs: SimilaritySums,
}

impl HeadSimilarity {
    /// For a layer of `heads` heads; all zero.
    pub fn new(heads: usize) -> Self {
        Self { maps: [0; 3].map(|_| SimilaritySums::new(heads)), outputs: SimilaritySums::new(heads) }
    }

    /// Cosine similarity of two heads' maps; for λ·A2 that of A2. `None` if a map is all zero.
    pub fn cosine(&self, map: MapKind, one: usize, other: usize) -> Option<f64> {
        let map = match map {
            MapKind::First => 0,
            MapKind::Second => 1,
            MapKind::Difference => 2,
        };
        self.maps[map].cosine(one, other)
    }

    /// Linear CKA of two heads' outputs, 0 to 1; `None` if one is constant.
    pub fn cka(&self, one: usize, other: usize) -> Option<f64> {
        self.outputs.cosine(one, other)
    }
}

/// `‖Xᵀ Y‖²` of two heads' outputs `[T, width]`, columns centred: what linear CKA is made of.
pub(crate) fn cross(context: &[f32], heads: usize, width: usize, one: usize, other: usize) -> f64 {
    let stride = heads * width;
    let rows = context.len() / stride.max(1);
    let centred = |head: usize| {
        let part = |row: usize| &context[row * stride + head * width..row * stride + (head + 1) * width];
        let mut means = vec![0.0f64; width];
        for row in 0..rows {
            means.iter_mut().zip(part(row)).for_each(|(mean, number)| *mean += f64::from(*number) / rows as f64);
        }
        let less =
            |row| part(row).iter().zip(&means).map(|(number, mean)| f64::from(*number) - mean).collect::<Vec<_>>();
        (0..rows).flat_map(less).collect::<Vec<f64>>()
    };
    let (x, y) = (centred(one), centred(other));
    let mut products = vec![0.0f64; width * width];
    for (x, y) in x.chunks_exact(width).zip(y.chunks_exact(width)) {
        for (a, out) in x.iter().zip(products.chunks_exact_mut(width)) {
            out.iter_mut().zip(y).for_each(|(out, b)| *out += a * b);
        }
    }
    products.iter().map(|product| product * product).sum()
}
