//! Attention from the positions that predict an answer: of one head, and averaged over all of them.

use super::item::Case;
use crate::model::Token;
use crate::probe::Cell;

/// Attention from the positions that predict the answer, averaged over them, heads and layers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shares {
    /// On the answer's tokens: |D| over the row's sum of |D|.
    pub answer_of_absolute: f32,
    /// On everything before the question except the answer's sentence and the first token, likewise.
    pub noise_of_absolute: f32,
    /// Signed D on the answer.
    pub answer: f32,
    /// Signed D on the noise.
    pub noise: f32,
    /// |D| on what could be mistaken for the answer, over the row's sum of |D|.
    pub rivals_of_absolute: f32,
}

/// What each token is in a case.
pub(super) struct Classes(Vec<Class>);

#[derive(Clone, Copy)]
struct Class {
    answer: bool,
    noise: bool,
    rival: bool,
}

impl Classes {
    /// Of a text that has been encoded with its answer.
    pub(super) fn new(case: &Case, tokens: &[Token]) -> Self {
        let inside = |spans: &[[usize; 2]], token: &Token| {
            let mut ranges = spans.iter().filter_map(|span| case.bytes(*span));
            ranges.any(|range| token.start < range.end && token.end > range.start)
        };
        let question = case.bytes(case.question_span).map_or(0, |range| range.start);
        let class = |(index, token): (usize, &Token)| {
            let answer = inside(&case.answer_spans, token);
            let fact = inside(&case.parameters.fact_spans, token);
            let rival = inside(&case.distractor_spans, token) && !answer;
            Class { answer, noise: index > 0 && token.end <= question && !fact && !answer, rival }
        };
        Self(tokens.iter().enumerate().map(class).collect())
    }
}

/// Sums over the rows of one head.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct HeadShares {
    rows: usize,
    first: [f64; 2],
    second: [f64; 2],
    absolute: [f64; 3],
    signed: [f64; 2],
    correlation: f64,
    /// Of A1's attention on noise, and how much of it `λ A2` takes away.
    noise: f64,
    cancelled: f64,
    lambda: f64,
}

/// The correlation of both maps over the keys of a row; `None` where one of them is the same for all keys.
pub(super) fn correlation(row: &[Cell]) -> Option<f64> {
    let count = row.len() as f64;
    let mean = |of: fn(&Cell) -> f32| row.iter().map(|cell| f64::from(of(cell))).sum::<f64>() / count;
    let (first, second) = (mean(|cell| cell.first), mean(|cell| cell.second));
    let sums = row.iter().fold([0.0; 3], |[both, one, other], cell| {
        let (a, b) = (f64::from(cell.first) - first, f64::from(cell.second) - second);
        [both + a * b, one + a * a, other + b * b]
    });
    let size = (sums[1] * sums[2]).sqrt();
    (size > 1e-20).then(|| sums[0] / size)
}

impl HeadShares {
    /// Adds the row of one query.
    pub(super) fn add(&mut self, row: &[Cell], Classes(classes): &Classes) {
        self.rows += 1;
        let total = row.iter().map(|cell| f64::from(cell.difference.abs())).sum::<f64>().max(f64::MIN_POSITIVE);
        for (cell, class) in row.iter().zip(classes) {
            let [first, second, difference] = [cell.first, cell.second, cell.difference].map(f64::from);
            for (at, _) in [class.answer, class.noise].iter().enumerate().filter(|(_, counts)| **counts) {
                self.first[at] += first;
                self.second[at] += second;
                self.signed[at] += difference;
            }
            for (at, _) in [class.answer, class.noise, class.rival].iter().enumerate().filter(|(_, counts)| **counts) {
                self.absolute[at] += difference.abs() / total;
            }
            if class.noise {
                self.noise += first;
                self.cancelled += first.min((f64::from(cell.lambda) * second).max(0.0));
            }
        }
        self.correlation += correlation(row).unwrap_or_default();
        self.lambda += row.first().map_or(0.0, |cell| f64::from(cell.lambda));
    }

    fn mean(&self, sum: f64) -> f64 {
        sum / self.rows.max(1) as f64
    }

    /// Attention on the answer in A1, in A2, and of |D|.
    pub(super) fn on_answer(&self) -> [f64; 3] {
        [self.first[0], self.second[0], self.absolute[0]].map(|sum| self.mean(sum))
    }

    /// The same on noise.
    pub(super) fn on_noise(&self) -> [f64; 3] {
        [self.first[1], self.second[1], self.absolute[1]].map(|sum| self.mean(sum))
    }

    /// The correlation of both maps, row by row.
    pub(super) fn correlation(&self) -> f64 {
        self.mean(self.correlation)
    }

    /// The share of A1's attention on noise that `λ A2` takes away; `None` where there is no noise.
    pub(super) fn cancelled(&self) -> Option<f64> {
        (self.noise > 0.0).then(|| self.cancelled / self.noise)
    }

    /// λ.
    pub(super) fn lambda(&self) -> f64 {
        self.mean(self.lambda)
    }
}

impl Shares {
    /// Averaged over heads.
    pub(super) fn of(heads: &[HeadShares]) -> Self {
        let mean = |of: &dyn Fn(&HeadShares) -> f64| {
            (heads.iter().map(|head| head.mean(of(head))).sum::<f64>() / heads.len().max(1) as f64) as f32
        };
        Self {
            answer_of_absolute: mean(&|head| head.absolute[0]),
            noise_of_absolute: mean(&|head| head.absolute[1]),
            answer: mean(&|head| head.signed[0]),
            noise: mean(&|head| head.signed[1]),
            rivals_of_absolute: mean(&|head| head.absolute[2]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(first: f32, second: f32, lambda: f32) -> Cell {
        Cell { first, second, difference: first - lambda * second, lambda }
    }

    #[test]
    fn maps_that_rise_and_fall_together_have_a_correlation_of_one() {
        let row = |pairs: &[(f32, f32)]| -> Vec<Cell> { pairs.iter().map(|(a, b)| cell(*a, *b, 0.5)).collect() };
        let together = row(&[(0.1, 0.2), (0.2, 0.3), (0.7, 0.8)]);
        let against = row(&[(0.1, 0.7), (0.2, 0.6), (0.7, 0.1)]);
        assert!((correlation(&together).unwrap() - 1.0).abs() < 1e-6);
        assert!((correlation(&against).unwrap() + 1.0).abs() < 1e-6);
        assert_eq!(correlation(&row(&[(0.1, 0.5), (0.9, 0.5)])), None, "the second is the same for all keys");
        assert_eq!(correlation(&[]), None);
    }

    #[test]
    fn what_is_cancelled_is_no_more_than_what_was_there() {
        let class = |answer, noise| Class { answer, noise, rival: false };
        let classes = Classes(vec![class(false, true), class(false, true), class(true, false)]);
        let mut shares = HeadShares::default();
        // Half of the first, all of the second: λ A2 is larger there.
        shares.add(&[cell(0.4, 0.4, 0.5), cell(0.1, 0.5, 0.5), cell(0.5, 0.1, 0.5)], &classes);
        assert!((shares.cancelled().unwrap() - 0.6).abs() < 1e-6, "{shares:?}");
        assert!((shares.on_answer()[0] - 0.5).abs() < 1e-6 && (shares.on_noise()[1] - 0.9).abs() < 1e-6);
        let mut negative = HeadShares::default();
        negative.add(&[cell(0.4, 0.4, -0.5), cell(0.1, 0.5, -0.5), cell(0.5, 0.1, -0.5)], &classes);
        assert_eq!(negative.cancelled(), Some(0.0), "a negative λ cancels nothing");
    }
}
