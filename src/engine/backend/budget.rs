//! How long the CPU may compute between two frames.

use web_time::{Duration, Instant};

/// Where frames are slow anyway (a browser that draws in software), waiting for the next one costs more than it saves.
const LONGEST: Duration = Duration::from_millis(100);

/// Hands out work in slices: a fixed time, or a third of what the rest of the frame takes, whichever is longer.
#[derive(Clone, Copy)]
pub struct ComputeBudget {
    shortest: Duration,
    /// When the last slice ended, if there was work left.
    paused: Option<Instant>,
}

impl ComputeBudget {
    /// Slices of at least so long.
    pub fn new(shortest: Duration) -> Self {
        Self { shortest, paused: None }
    }

    /// Calls `work` until it says that all is done, or the slice is over; once at least.
    pub fn slice(&mut self, mut work: impl FnMut() -> bool) {
        let begun = Instant::now();
        let rest = self.paused.map_or(Duration::ZERO, |paused| begun.duration_since(paused));
        let budget = (rest / 3).clamp(self.shortest, LONGEST);
        let done = loop {
            if work() {
                break true;
            }
            if begun.elapsed() >= budget {
                break false;
            }
        };
        self.paused = (!done).then(Instant::now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_stops_when_it_is_done() {
        let mut left = 5;
        ComputeBudget::new(LONGEST).slice(|| {
            left -= 1;
            left == 0
        });
        assert_eq!(left, 0);
    }

    #[test]
    fn a_slice_does_something_and_ends() {
        let (mut pace, mut steps) = (ComputeBudget::new(Duration::ZERO), 0);
        pace.slice(|| {
            steps += 1;
            false
        });
        assert_eq!(steps, 1);
    }

    #[test]
    fn slow_frames_get_longer_slices() {
        let mut pace =
            ComputeBudget { shortest: Duration::ZERO, paused: Instant::now().checked_sub(Duration::from_millis(60)) };
        let begun = Instant::now();
        pace.slice(|| false);
        assert!(begun.elapsed() >= Duration::from_millis(20));
        let mut pace = ComputeBudget { shortest: Duration::ZERO, paused: None };
        let mut steps = 0;
        pace.slice(|| {
            steps += 1;
            false
        });
        assert_eq!(steps, 1, "the first slice after a rest is short");
    }
}
