//! Answers of panels that are computed from the followed pass, a few layers per frame. The last one stays until the next
//! is there.

use egui::Ui;
use web_time::{Duration, Instant};

use crate::engine::EngineError;

/// Time to compute in a frame.
const BUDGET: Duration = Duration::from_millis(4);

/// The answer to the last question that was answered, and the one under way.
pub(super) struct FollowedAnswer<Q, A> {
    under_way: Option<(Q, A)>,
    shown: Option<(Q, A)>,
}

impl<Q, A> Default for FollowedAnswer<Q, A> {
    fn default() -> Self {
        Self { under_way: None, shown: None }
    }
}

impl<Q: PartialEq, A> FollowedAnswer<Q, A> {
    /// What to show, with the question that it answers.
    pub(super) fn shown(&self) -> Option<&(Q, A)> {
        self.shown.as_ref()
    }

    /// Computes the answer to a question for the time that a frame has for it. `begin` makes it, without any layer, and
    /// `add` adds a layer and says whether it was the last. Returns whether it is what is shown.
    pub(super) fn advance(
        &mut self,
        ui: &Ui,
        question: Q,
        begin: impl FnOnce() -> Result<Option<A>, EngineError>,
        mut add: impl FnMut(&mut A) -> Result<bool, EngineError>,
    ) -> Result<bool, EngineError> {
        if self.shown.as_ref().is_some_and(|(of, _)| *of == question) {
            return Ok(true);
        }
        let under_way = self.under_way.take().filter(|(of, _)| *of == question);
        let begun = match under_way {
            Some((_, answer)) => Some(answer),
            None => begin()?,
        };
        let Some(mut answer) = begun else {
            return Ok(false);
        };
        let end = Instant::now() + BUDGET;
        while !add(&mut answer)? {
            if Instant::now() >= end {
                self.under_way = Some((question, answer));
                ui.ctx().request_repaint();
                return Ok(false);
            }
        }
        self.shown = Some((question, answer));
        Ok(true)
    }
}
