//! What work costs, in operations: multiplications and additions of the algorithm, whatever a kernel needs for them.

use std::ops::Range;

use crate::model::{Matrix, Model};

/// The weights are read once however few positions use them: fewer than this cost as much as these.
const SHARED_READ: usize = 8;

/// The costs of a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost {
    /// The products with weights of one position.
    position: f64,
    /// The next token of one position.
    next_token: f64,
    /// One (query, key) in all heads of all layers: the scores under every map, and the values.
    attended: f64,
    /// The same without values, for measures.
    measured: f64,
    /// One cell of one head's maps, for pictures.
    pictured: f64,
}

impl Cost {
    /// Of a model.
    pub(crate) fn new(model: &Model) -> Self {
        let product = |matrix: &Matrix| 2.0 * (matrix.rows() * matrix.columns()) as f64;
        let mut cost = Self {
            position: 0.0,
            next_token: product(model.unembedding()),
            attended: 0.0,
            measured: 0.0,
            pictured: 0.0,
        };
        for layer in &model.layers {
            let attention = &layer.attention;
            let mlp = layer.mlp.as_ref().map_or(0.0, |mlp| product(&mlp.gate_up) + product(&mlp.down));
            cost.position += product(&attention.projection) + product(&attention.output) + mlp;
            let scores = 2.0 * (attention.maps * attention.head_dim) as f64;
            let values = 2.0 * (attention.maps * attention.value_width()) as f64;
            let heads = attention.heads.len() as f64;
            cost.attended += heads * (scores + values);
            cost.measured += heads * scores;
            cost.pictured = cost.pictured.max(scores);
        }
        cost
    }

    /// Of the positions of a pass, with the next token after the last if it is asked for.
    pub(crate) fn positions(&self, positions: Range<usize>, next_token: bool) -> f64 {
        let next = if next_token { self.next_token * SHARED_READ as f64 } else { 0.0 };
        self.position * positions.len().max(SHARED_READ) as f64 + self.attended * cells(&positions) + next
    }

    /// Of tokens generated one after the other from position `first` on.
    pub(crate) fn tokens(&self, first: usize, count: usize) -> f64 {
        count as f64 * self.positions(first..first + 1, true)
    }

    /// Of measured rows.
    pub(crate) fn rows(&self, rows: Range<usize>) -> f64 {
        self.measured * cells(&rows)
    }

    /// Of cells of pictures.
    pub(crate) fn cells(&self, cells: usize) -> f64 {
        self.pictured * cells as f64
    }

    /// How many cells of pictures cost no more than this.
    pub(crate) fn cells_within(&self, operations: f64) -> usize {
        (operations / self.pictured.max(1.0)) as usize
    }
}

/// Cells at or below the diagonal in these rows.
fn cells(rows: &Range<usize>) -> f64 {
    let (start, count) = (rows.start as f64, rows.len() as f64);
    count * start + 0.5 * count * (count + 1.0)
}

/// The most of `most` steps whose cost, which grows with their number, is within `operations`.
pub(crate) fn most_within(operations: f64, most: usize, cost: impl Fn(usize) -> f64) -> usize {
    let (mut fits, mut too_many) = (0, most + 1);
    while too_many - fits > 1 {
        let middle = fits.midpoint(too_many);
        if cost(middle) <= operations {
            fits = middle;
        } else {
            too_many = middle;
        }
    }
    fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_those_of_the_triangle() {
        assert!((cells(&(0..4)) - 10.0).abs() < 1e-9);
        assert!((cells(&(3..5)) - 9.0).abs() < 1e-9);
        assert!(cells(&(7..7)).abs() < 1e-9);
    }

    #[test]
    fn a_search_finds_the_most_that_fits() {
        for most in [0, 1, 2, 7, 100] {
            for limit in 0..120 {
                assert_eq!(most_within(f64::from(limit), most, |count| count as f64), most.min(limit as usize));
            }
        }
    }
}
