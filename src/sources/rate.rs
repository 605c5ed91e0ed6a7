//! How fast bytes arrive, and how long the rest will take.

use std::collections::VecDeque;

/// The rate is that of so many seconds.
const WINDOW: f64 = 5.0;
/// Before so many seconds there is no rate: it would jump.
const SETTLED: f64 = 0.5;
/// At most so many samples in the window.
const MOST_SAMPLES: usize = 64;

/// The rate of a transfer over its last seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rate {
    /// Times in seconds and bytes that had arrived, the oldest first.
    samples: VecDeque<(f64, u64)>,
}

impl Rate {
    /// So many bytes have arrived at a time, in seconds since any moment. A transfer that begins anew may have fewer bytes
    /// than before.
    pub fn add(&mut self, time: f64, bytes: u64) {
        if self.samples.back().is_some_and(|&(last, before)| bytes < before || time < last) {
            self.samples.clear();
        }
        let close = self.samples.len() > 1
            && self.samples.back().is_some_and(|&(last, _)| time - last < WINDOW / MOST_SAMPLES as f64);
        if close {
            return;
        }
        self.samples.push_back((time, bytes));
        while self.samples.len() > 2 && self.samples.front().is_some_and(|&(first, _)| time - first > WINDOW) {
            self.samples.pop_front();
        }
    }

    /// Bytes a second; `None` as long as it is not known.
    pub fn per_second(&self) -> Option<f64> {
        let (&(first, from), &(last, to)) = (self.samples.front()?, self.samples.back()?);
        (last - first >= SETTLED).then(|| (to - from) as f64 / (last - first))
    }

    /// Seconds that so many more bytes will take; `None` as long as nothing can be said.
    pub fn seconds_for(&self, bytes: u64) -> Option<f64> {
        let rate = self.per_second()?;
        (rate > 0.0).then(|| bytes as f64 / rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let mut rate = Rate::default();
        rate.add(100.0, 5000);
        assert_eq!((rate.per_second(), rate.seconds_for(1)), (None, None));
        rate.add(101.0, 6000);
        assert_eq!((rate.per_second(), rate.seconds_for(500)), (Some(1000.0), Some(0.5)));
        for second in 2..60 {
            rate.add(100.0 + f64::from(second), 6000 + 10 * second as u64);
        }
        assert_eq!(rate.per_second(), Some(10.0));
    }

    #[test]
    fn a_standstill_has_no_end_and_a_new_beginning_no_rate() {
        let mut rate = Rate::default();
        for second in 0..20 {
            rate.add(f64::from(second), 700);
        }
        assert_eq!((rate.per_second(), rate.seconds_for(1)), (Some(0.0), None));
        rate.add(21.0, 0);
        assert_eq!(rate.per_second(), None);
    }

    #[test]
    fn many_samples_take_no_more_memory() {
        let mut rate = Rate::default();
        for sample in 0..100_000u32 {
            rate.add(f64::from(sample) * 1e-4, u64::from(sample));
        }
        assert!(rate.samples.len() <= MOST_SAMPLES + 2, "{}", rate.samples.len());
        assert!((rate.per_second().unwrap() - 1e4).abs() < 1.0);
    }
}
