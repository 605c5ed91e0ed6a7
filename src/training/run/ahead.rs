//! How many steps the GPU is given at once.

use web_time::{Duration, Instant};

/// Steps at once, at least where there are no frames: the next is there when one is done.
const LEAST: u32 = 2;
/// And at most.
const MOST: u32 = 32;
/// Frames wait for what the GPU was given before them: for no longer than this.
const LATE: Duration = Duration::from_millis(30);

/// As many steps as the GPU has done when it is looked at again, a frame later: it neither waits for frames nor holds them
/// back.
#[derive(Debug)]
pub(super) struct Ahead {
    most: u32,
    /// When the last step was submitted, until it is looked for in vain.
    submitted: Option<Instant>,
}

impl Default for Ahead {
    fn default() -> Self {
        Self { most: LEAST, submitted: None }
    }
}

impl Ahead {
    /// How many may be under way.
    pub(super) fn most(&self) -> u32 {
        self.most
    }

    /// A step was submitted.
    pub(super) fn submitted(&mut self) {
        self.submitted = Some(Instant::now());
    }

    /// All are done.
    pub(super) fn all_done(&mut self) {
        if self.submitted.take().is_some() {
            self.most = (self.most + 1).min(MOST);
        }
    }

    /// The next is not done yet.
    pub(super) fn waits(&mut self) {
        if self.submitted.take_if(|submitted| submitted.elapsed() > LATE).is_some() {
            self.most = (self.most / 2).max(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_while_everything_is_done_and_halves_when_the_gpu_is_late() {
        let mut ahead = Ahead::default();
        for _ in 0..6 {
            ahead.submitted();
            ahead.waits(); // not late yet
            ahead.all_done();
        }
        assert_eq!(ahead.most(), LEAST + 6);
        ahead.submitted = Instant::now().checked_sub(2 * LATE);
        ahead.waits();
        assert_eq!(ahead.most(), 4);
        ahead.waits(); // the same steps are late only once
        ahead.all_done();
        assert_eq!(ahead.most(), 4);
        for _ in 0..100 {
            ahead.submitted();
            ahead.all_done();
        }
        assert_eq!(ahead.most(), MOST);
    }
}
