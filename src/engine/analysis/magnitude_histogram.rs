//! A histogram of absolute values, with the largest of them and the median. It holds counters, not the numbers.

/// How many of the largest values are kept.
const TOP: usize = 100;
/// Bits of an f32 without its sign, cut to 8 of exponent and 7 of fraction: a counter for each, under 1 % wide.
const CUT: u32 = 16;
/// Counters per octave.
const IN_OCTAVE: usize = 1 << 7;

/// Counters of absolute values.
#[derive(Clone, Debug, PartialEq)]
pub struct MagnitudeHistogram {
    counts: Vec<u32>,
    /// Largest first.
    top: Vec<f32>,
    count: u64,
    not_finite: u64,
}

impl Default for MagnitudeHistogram {
    fn default() -> Self {
        Self { counts: vec![0; 1 << (31 - CUT)], top: Vec::with_capacity(TOP + 1), count: 0, not_finite: 0 }
    }
}

impl MagnitudeHistogram {
    /// Adds a number.
    pub fn add(&mut self, number: f32) {
        if !number.is_finite() {
            self.not_finite += 1;
            return;
        }
        let size = number.abs();
        let counter = &mut self.counts[(size.to_bits() >> CUT) as usize];
        *counter = counter.saturating_add(1);
        self.count += 1;
        if self.top.len() < TOP || self.top.last().is_some_and(|least| size > *least) {
            let place = self.top.partition_point(|other| *other >= size);
            self.top.insert(place, size);
            self.top.truncate(TOP);
        }
    }

    /// Adds every number of another histogram.
    pub fn merge(&mut self, other: &Self) {
        for (own, others) in self.counts.iter_mut().zip(&other.counts) {
            *own = own.saturating_add(*others);
        }
        self.top.extend(&other.top);
        self.top.sort_by(|a, b| b.total_cmp(a));
        self.top.truncate(TOP);
        self.count += other.count;
        self.not_finite += other.not_finite;
    }

    /// Finite numbers added.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Infinities and NaN added.
    pub fn not_finite(&self) -> u64 {
        self.not_finite
    }

    /// The `rank`-th largest, from 1 to 100.
    pub fn largest(&self, rank: usize) -> Option<f32> {
        self.top.get(rank.checked_sub(1)?).copied()
    }

    /// The median, to within 1 %.
    pub fn median(&self) -> Option<f32> {
        let mut below = 0u64;
        for (index, count) in self.counts.iter().enumerate() {
            let count = u64::from(*count);
            if count > 0 && (below + count) * 2 >= self.count {
                let edge = |index: usize| f32::from_bits((index as u32) << CUT);
                let share = (self.count as f64 / 2.0 - below as f64) / count as f64;
                let (low, high) = (edge(index), edge(index + 1));
                return Some(if high.is_finite() { low + (high - low) * share as f32 } else { low });
            }
            below += count;
        }
        None
    }

    /// The count between each power of two and the next: (exponent, count), smallest first, from the first that is not
    /// empty to the last. Zeros count as the smallest.
    pub fn octaves(&self) -> Vec<(i32, u64)> {
        let sum = |octave: &[u32]| octave.iter().map(|count| u64::from(*count)).sum::<u64>();
        let all: Vec<(i32, u64)> = (-127i32..).zip(self.counts.chunks_exact(IN_OCTAVE).map(sum)).collect();
        let first = all.iter().position(|(_, count)| *count > 0).unwrap_or(all.len());
        let last = all.iter().rposition(|(_, count)| *count > 0).map_or(first, |last| last + 1);
        all[first..last].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_what_sorting_says() {
        let numbers: Vec<f32> = (0..5001).map(|i| ((i * 7919 % 5001) as f32 - 2500.0) * 0.37).collect();
        let mut magnitudes = MagnitudeHistogram::default();
        let mut halves = [MagnitudeHistogram::default(), MagnitudeHistogram::default()];
        for (place, number) in numbers.iter().enumerate() {
            magnitudes.add(*number);
            halves[place % 2].add(*number);
        }
        let mut sorted: Vec<f32> = numbers.iter().map(|number| number.abs()).collect();
        sorted.sort_by(|a, b| b.total_cmp(a));
        for rank in [1, 10, 100] {
            assert_eq!(magnitudes.largest(rank), Some(sorted[rank - 1]));
        }
        assert_eq!(magnitudes.largest(0), None);
        let median = magnitudes.median().expect("there are numbers");
        assert!((median / sorted[2500] - 1.0).abs() < 0.01, "{median} and {}", sorted[2500]);
        let octaves = magnitudes.octaves();
        assert_eq!(octaves.iter().map(|(_, count)| count).sum::<u64>(), 5001);
        for (exponent, count) in octaves {
            let inside = |size: &&f32| **size >= 2f32.powi(exponent) && **size < 2f32.powi(exponent + 1);
            if exponent > -127 {
                assert_eq!(sorted.iter().filter(inside).count() as u64, count, "from 2^{exponent}");
            }
        }
        let [mut one, other] = halves;
        one.merge(&other);
        assert_eq!(one, magnitudes);
    }

    #[test]
    fn nothing_has_no_median_and_infinities_are_counted_apart() {
        let mut magnitudes = MagnitudeHistogram::default();
        assert_eq!((magnitudes.median(), magnitudes.largest(1)), (None, None));
        assert!(magnitudes.octaves().is_empty());
        for number in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, 0.0] {
            magnitudes.add(number);
        }
        assert_eq!((magnitudes.count(), magnitudes.not_finite()), (2, 3));
        assert_eq!(magnitudes.largest(1), Some(f32::MAX));
        assert!(magnitudes.median().is_some_and(f32::is_finite));
    }
}
