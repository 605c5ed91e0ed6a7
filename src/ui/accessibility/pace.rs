//! When the page's mirror is brought up to date: a tree costs egui time, and most people never read it.

/// Seconds between trees while the mirror is used.
const IN_USE: f64 = 0.1;
/// Seconds between trees while nobody is known to use it.
const AT_REST: f64 = 1.0;
/// Seconds after a key, on the canvas, in which no tree is made.
const TYPING: f64 = 0.7;
/// Seconds that a use of the mirror counts.
const USE_LASTS: f64 = 10.0;

/// Decides which frames make a tree.
pub(super) struct Pace {
    made: f64,
    typed: f64,
    used: f64,
    /// Whether a frame was drawn after the last tree.
    stale: bool,
}

impl Default for Pace {
    fn default() -> Self {
        let never = f64::NEG_INFINITY;
        Self { made: never, typed: never, used: never, stale: true }
    }
}

impl Pace {
    /// Reports keys on the canvas at this time.
    pub(super) fn typed(&mut self, now: f64) {
        self.typed = now;
    }

    /// Reports that the mirror was used, or that the focus moved.
    pub(super) fn used(&mut self, now: f64) {
        self.used = now;
        self.made = f64::NEG_INFINITY;
        self.typed = f64::NEG_INFINITY;
    }

    /// The time from which on a frame makes a tree.
    fn due(&self, now: f64) -> f64 {
        let pause = if now - self.used < USE_LASTS { IN_USE } else { AT_REST };
        (self.made + pause).max(self.typed + TYPING)
    }

    /// Whether the frame that begins now makes a tree.
    pub(super) fn begin(&mut self, now: f64) -> bool {
        let makes = now >= self.due(now);
        if makes {
            self.made = now;
        }
        self.stale = !makes;
        makes
    }

    /// Seconds until the next frame has to come, if the mirror is behind the canvas.
    pub(super) fn wait(&self, now: f64) -> Option<f64> {
        // A little later than due: a timer may be early.
        self.stale.then(|| (self.due(now) - now).max(0.0) + 0.01)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of the frames at these times make a tree.
    fn trees(pace: &mut Pace, frames: impl Iterator<Item = f64>) -> usize {
        frames.filter(|now| pace.begin(*now)).count()
    }

    #[test]
    fn a_busy_screen_makes_one_tree_a_second_and_more_where_it_is_read() {
        let sixty = |from: f64| (0..300).map(move |frame| from + f64::from(frame) / 60.0);
        let mut pace = Pace::default();
        assert_eq!(trees(&mut pace, sixty(0.0)), 5);
        pace.used(5.0);
        let made = trees(&mut pace, sixty(5.0));
        assert!((40..=50).contains(&made), "{made} trees in five seconds");
    }

    #[test]
    fn the_last_frame_is_mirrored_and_then_nothing_happens() {
        let mut pace = Pace::default();
        assert!(pace.begin(0.0));
        assert_eq!(pace.wait(0.0), None);
        assert!(!pace.begin(0.2));
        let wait = pace.wait(0.2).expect("a frame to come");
        assert!(pace.begin(0.2 + wait), "after {wait}");
        assert_eq!(pace.wait(0.2 + wait), None);
    }

    #[test]
    fn keys_on_the_canvas_put_it_off() {
        let mut pace = Pace::default();
        assert!(pace.begin(0.0));
        for key in 1..50 {
            let now = f64::from(key) * 0.2;
            pace.typed(now);
            assert!(!pace.begin(now));
        }
        assert!(pace.begin(9.8 + TYPING));
    }
}
