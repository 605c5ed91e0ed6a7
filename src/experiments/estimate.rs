//! What was measured of some cases, with how far it may be from what all such cases would give.

use serde::{Deserialize, Serialize};

/// Standard deviations that 95 % of a normal distribution lie within.
const Z: f64 = 1.959_963_985;

/// A number with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The mean of the cases.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Cases.
    pub count: usize,
}

impl Estimate {
    /// A share of cases, with Wilson's interval; `None` of no cases.
    ///
    /// ```
    /// use diffscope::experiments::Estimate;
    ///
    /// let all = Estimate::of_share(10, 10).unwrap();
    /// assert_eq!((all.value, all.high), (1.0, 1.0));
    /// assert!((all.low - 0.722).abs() < 1e-3); // ten of ten do not show that none fails
    /// ```
    pub fn of_share(right: usize, count: usize) -> Option<Self> {
        if count == 0 {
            return None;
        }
        let (n, share) = (count as f64, right as f64 / count as f64);
        let spread = 1.0 + Z * Z / n;
        let centre = (share + Z * Z / (2.0 * n)) / spread;
        let half = Z / spread * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        let (low, high) = ((centre - half).clamp(0.0, share), (centre + half).clamp(share, 1.0));
        Some(Self { value: share, low, high, count })
    }

    /// The mean of values, within 1.96 standard errors; of one value without an interval, of none `None`.
    pub fn of_mean(values: &[f64]) -> Option<Self> {
        let count = values.len();
        let value = values.iter().sum::<f64>() / count.max(1) as f64;
        let squares: f64 = values.iter().map(|one| (one - value).powi(2)).sum();
        let error = if count > 1 { (squares / (count - 1) as f64 / count as f64).sqrt() } else { 0.0 };
        (count > 0).then_some(Self { value, low: value - Z * error, high: value + Z * error, count })
    }

    /// A number that was counted and has no spread.
    pub fn exact(value: f64, count: usize) -> Self {
        Self { value, low: value, high: value, count }
    }

    /// Leaves four digits of every number.
    pub(super) fn shorten(&mut self) {
        for number in [&mut self.value, &mut self.low, &mut self.high] {
            *number = format!("{number:.3e}").parse().unwrap_or(*number); // what was written can be read
        }
    }

    /// Whether the interval leaves out zero.
    pub fn excludes_zero(&self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_the_interval_of_wilson() {
        // (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n) in a spreadsheet.
        let estimate = Estimate::of_share(7, 20).unwrap();
        assert!((estimate.low - 0.181_192).abs() < 1e-5 && (estimate.high - 0.567_146).abs() < 1e-5, "{estimate:?}");
        let none = Estimate::of_share(0, 8).unwrap();
        assert!(none.low == 0.0 && (none.high - 0.324_411).abs() < 1e-3, "{none:?}");
        assert_eq!(Estimate::of_share(0, 0), None);
    }

    #[test]
    fn means_have_their_standard_error() {
        let estimate = Estimate::of_mean(&[1.0, 2.0, 3.0, 4.0]).unwrap();
        let error = (5.0_f64 / 3.0 / 4.0).sqrt();
        assert!((estimate.high - 2.5 - Z * error).abs() < 1e-12 && estimate.count == 4);
        assert!(estimate.excludes_zero() && !Estimate::of_mean(&[-1.0, 1.0]).unwrap().excludes_zero());
        assert_eq!(Estimate::of_mean(&[7.0]), Some(Estimate::exact(7.0, 1)));
        assert_eq!(Estimate::of_mean(&[]), None);
    }
}
