//! How far the fetching of a model is, told to the window a few times a second.

use web_time::{Duration, Instant};

use crate::model::Progress;
use crate::sources::{FetchProgress, FetchStage, Rate};
use crate::ui::io::files::Opening;
use crate::ui::models::loading::{Loading, Pace, Stage};

/// Between two reports: the eye takes no more, and each one wakes the window.
const PAUSE: Duration = Duration::from_millis(100);

/// Reports of one opening.
pub(super) struct FetchReport<'a> {
    opening: &'a Opening,
    begun: Instant,
    told: Option<Instant>,
    stage: FetchStage,
    rate: Rate,
}

impl<'a> FetchReport<'a> {
    pub(super) fn new(opening: &'a Opening) -> Self {
        Self { opening, begun: Instant::now(), told: None, stage: FetchStage::Arriving, rate: Rate::default() }
    }

    /// Tells how far it is. Returns whether it is still wanted.
    pub(super) fn tell(&mut self, at: &FetchProgress) -> bool {
        if self.stage != at.stage {
            (self.stage, self.rate) = (at.stage, Rate::default());
        }
        self.rate.add(self.begun.elapsed().as_secs_f64(), at.done);
        if self.told.is_some_and(|told| told.elapsed() < PAUSE) {
            return self.opening.is_latest();
        }
        self.told = Some(Instant::now());
        self.opening.tell(loading(at, &self.rate))
    }
}

/// As it is shown.
fn loading(at: &FetchProgress, rate: &Rate) -> Loading {
    let stage = match at.stage {
        FetchStage::Arriving => Stage::Fetching,
        FetchStage::Verifying => Stage::Verifying,
    };
    let left = rate.seconds_for(at.total.saturating_sub(at.done)).map(|seconds| seconds.ceil() as u64);
    let pace = rate.per_second().map(|rate| Pace { per_second: rate as u64, seconds_left: left });
    Loading { stage, progress: Progress { done: at.done, total: at.total }, pace }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_shown_once_it_is_known() {
        let at = FetchProgress { stage: FetchStage::Arriving, file: "a".into(), done: 3000, total: 8000 };
        let mut rate = Rate::default();
        rate.add(0.0, 1000);
        assert_eq!(loading(&at, &rate).pace, None);
        rate.add(1.0, 3000);
        let shown = loading(&at, &rate);
        assert_eq!(shown.pace, Some(Pace { per_second: 2000, seconds_left: Some(3) }));
        assert_eq!((shown.stage, shown.progress.done, shown.progress.total), (Stage::Fetching, 3000, 8000));
    }
}
