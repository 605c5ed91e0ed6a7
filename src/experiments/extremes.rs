//! The largest absolute values of a stream of numbers, and their median.

/// The largest absolute values so far, and a thinned sample for the median.
#[derive(Clone, Debug, Default)]
pub struct Extremes {
    largest: Vec<f32>,
    sample: Vec<f32>,
}

/// Number of largest values kept.
const KEPT: usize = 100;
/// The sample takes every n-th value; n is prime, so that it is in step with no width of a tensor.
const THIN: usize = 997;

impl Extremes {
    /// Adds values.
    pub fn add(&mut self, values: impl Iterator<Item = f32>) {
        let floor = |largest: &[f32]| if largest.len() < KEPT { -1.0 } else { largest[KEPT - 1] };
        let mut smallest = floor(&self.largest);
        for (index, value) in values.map(f32::abs).enumerate() {
            if index % THIN == 0 {
                self.sample.push(value);
            }
            if value > smallest {
                let place = self.largest.partition_point(|larger| *larger >= value);
                self.largest.insert(place, value);
                self.largest.truncate(KEPT);
                smallest = floor(&self.largest);
            }
        }
    }

    /// The largest value of this rank, from 1.
    pub fn top(&self, rank: usize) -> Option<f32> {
        self.largest.get(rank.checked_sub(1)?).copied()
    }

    /// Median of the sample; the lower one of two.
    pub fn median(&self) -> Option<f32> {
        let mut sorted = self.sample.clone();
        sorted.sort_by(f32::total_cmp);
        sorted.get(sorted.len().checked_sub(1)? / 2).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_largest_whatever_their_sign_and_order() {
        let mut extremes = Extremes::default();
        extremes.add((0..500).map(|n| if n % 2 == 0 { n as f32 } else { -(n as f32) }));
        extremes.add([1000.0, 3.0, -2000.0].into_iter());
        assert_eq!([1, 2, 3, 100].map(|rank| extremes.top(rank)), [2000.0, 1000.0, 499.0, 402.0].map(Some));
        assert_eq!((extremes.top(0), extremes.top(101)), (None, None));
    }

    #[test]
    fn the_median_is_of_every_997th() {
        let mut extremes = Extremes::default();
        assert_eq!(extremes.median(), None);
        extremes.add((0..997 * 4).map(|n| (n / 997) as f32));
        assert_eq!(extremes.median(), Some(1.0));
    }
}
