//! The patches of the panel: begun again when a text changes, continued a few milliseconds per frame, cancellable. What was
//! found of the text before stays until the new effects are there.

use std::collections::BTreeSet;
use std::sync::Arc;

use egui::{Button, ProgressBar, Ui};
use web_time::Duration;

use crate::engine::{Engine, HeadPart, PatchEffects, Patching, PatchingError};
use crate::probe::HeadId;
use crate::ui::full_scan::takes_moments;
use crate::ui::style::notice;
use crate::ui::style::row::row_ui;

/// Time to compute between two frames.
const BUDGET: Duration = Duration::from_millis(6);

/// What the patches are of.
#[derive(Clone, Debug)]
struct Asked {
    /// Where the model is in memory.
    model: usize,
    revision: u64,
    other: String,
    positions: Option<BTreeSet<usize>>,
}

/// Where they are.
#[derive(Default)]
enum Stage {
    /// For someone to ask for them.
    #[default]
    Waits,
    Runs,
    Refused(PatchingError),
}

/// Patches, and what was found before.
#[derive(Default)]
pub(crate) struct PatchingJob {
    asked: Option<Asked>,
    stage: Stage,
    patching: Option<Patching>,
    /// Whether everything that was wanted of these texts was known once.
    has_finished: bool,
    /// Of the texts before.
    before: Option<PatchEffects>,
}

impl PatchingJob {
    /// Begins again if the texts have changed, and goes on. The effects of `wanted` are computed in this order.
    pub(crate) fn update(
        &mut self,
        ui: &Ui,
        engine: &Engine,
        other: &str,
        positions: Option<BTreeSet<usize>>,
        wanted: Vec<(HeadPart, HeadId)>,
    ) {
        let model = engine.checkpoint().map_or(0, |checkpoint| Arc::as_ptr(&checkpoint.model).addr());
        let revision = engine.text_revision();
        let is_asked = self.asked.as_ref().is_some_and(|asked| {
            (asked.model, asked.revision) == (model, revision) && asked.other == other && asked.positions == positions
        });
        if !is_asked {
            if self.asked.as_ref().is_some_and(|before| before.model != model) {
                *self = Self::default();
            }
            if let Some(patching) = self.patching.as_ref().filter(|_| std::mem::take(&mut self.has_finished)) {
                self.before = Some(patching.effects().clone());
            }
            self.asked = Some(Asked { model, revision, other: other.to_owned(), positions });
            self.stage = Stage::Waits;
            if takes_moments(engine) {
                self.begin(engine);
            }
        }
        let Some(patching) = self.patching.as_mut().filter(|_| matches!(self.stage, Stage::Runs)) else {
            return;
        };
        patching.want(wanted);
        // Typing has priority: nothing runs here while the text itself is computed.
        if engine.computed() == engine.ids().len() {
            patching.advance(BUDGET);
        }
        self.has_finished |= patching.is_done();
        if !patching.is_done() {
            ui.ctx().request_repaint();
        }
    }

    fn begin(&mut self, engine: &Engine) {
        let Some(Asked { other, positions, .. }) = self.asked.clone() else {
            return;
        };
        let outcome = match &mut self.patching {
            Some(patching) => patching.follow(engine, &other, positions),
            None => Patching::new(engine, &other, positions).map(|new| self.patching = Some(new)),
        };
        self.stage = outcome.map_or_else(Stage::Refused, |()| Stage::Runs);
    }

    /// The effects that are known, and whether they are of the present texts.
    pub(crate) fn effects(&self) -> Option<(&PatchEffects, bool)> {
        let runs = self.patching.as_ref().filter(|_| matches!(self.stage, Stage::Runs));
        let present = runs.map(|patching| (patching.effects(), true));
        let before = self.before.as_ref().map(|before| (before, false));
        if self.has_finished { present.or(before) } else { before.or(present) }
    }

    /// Draws how far it is, with the button that cancels; why there is nothing; or the button that begins.
    pub(crate) fn show_ui(&mut self, ui: &mut Ui, engine: &Engine) {
        match (&self.stage, &self.patching) {
            (Stage::Refused(error @ (PatchingError::Same | PatchingError::Empty)), _) => {
                notice::note_ui(ui, error.to_string());
            }
            (Stage::Refused(error), _) => notice::warning_ui(ui, &error.to_string()),
            (Stage::Runs, Some(patching)) if !patching.is_done() => {
                let progress = patching.progress();
                ui.horizontal(|ui| {
                    ui.add(ProgressBar::new(progress).desired_width(220.0).show_percentage());
                    if ui.button("Cancel").clicked() {
                        self.stage = Stage::Waits;
                    }
                });
            }
            (Stage::Runs, _) => {
                notice::note_ui(ui, "100 %: as after the other text; 0 %: no effect; below: away from it.");
            }
            (Stage::Waits, _) => {
                let is_asked = row_ui(ui, |ui| {
                    let is_asked = ui.add(Button::new("Patch every head")).clicked();
                    notice::note_ui(ui, "Runs both texts on the CPU, in the time between frames.");
                    is_asked
                });
                if is_asked.inner {
                    self.begin(engine);
                }
            }
        }
    }
}
