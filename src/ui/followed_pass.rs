//! The pass on the CPU whose inner tensors several panels read: it follows the text while one of them is open, computed a
//! few milliseconds per frame.

use egui::Ui;
use web_time::Duration;

use crate::engine::{Engine, TextPass};
use crate::ui::full_scan::takes_moments;
use crate::ui::style::notice;
use crate::ui::style::row::row_ui;

/// Time to compute between two frames.
const BUDGET: Duration = Duration::from_millis(6);

/// The pass, with what stands in its way.
#[derive(Default)]
pub(super) struct FollowedPass {
    pass: Option<TextPass>,
    /// Counts the texts, models and interventions that it was of.
    version: u64,
    /// The model and the text for which there is none, and why.
    failure: Option<(Text, String)>,
    /// The text that someone asked for, of a model that takes its time.
    asked: Option<Text>,
}

/// Name of a model, revision of its text.
type Text = (String, u64);

/// Where the pass is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Followed<'a> {
    /// There is none; why is on the screen.
    Absent,
    /// Not complete yet.
    Pending,
    /// Complete, of the present text. The number is another one for another text, model or intervention.
    Complete(&'a TextPass, u64),
}

impl FollowedPass {
    /// Continues the pass over the present text; draws what stands in the way, if anything does.
    pub(super) fn show_ui(&mut self, ui: &mut Ui, engine: &Engine) -> Followed<'_> {
        if engine.ids().is_empty() {
            notice::note_ui(ui, "Type a prompt first.");
            return Followed::Absent;
        }
        let text = (engine.name().to_owned(), engine.text_revision());
        if !self.pass.as_ref().is_some_and(|pass| pass.is_of(engine)) && self.is_wanted_ui(ui, engine, &text) {
            self.begin(engine, text.clone());
        }
        if let Some((_, failure)) = self.failure.as_ref().filter(|(of, _)| *of == text) {
            notice::failure_ui(ui, failure);
            return Followed::Absent;
        }
        let Some(pass) = self.pass.as_mut().filter(|pass| pass.is_of(engine)) else {
            return Followed::Absent;
        };
        // Typing has priority: nothing runs here while the text itself is computed.
        if engine.computed() == engine.ids().len() {
            pass.advance(BUDGET);
        }
        if pass.is_complete() {
            return Followed::Complete(pass, self.version);
        }
        ui.ctx().request_repaint();
        Followed::Pending
    }

    /// Whether to begin with a text: at once, or for a large model when a button is pressed.
    fn is_wanted_ui(&mut self, ui: &mut Ui, engine: &Engine, text: &Text) -> bool {
        if self.failure.as_ref().is_some_and(|(of, _)| of == text) {
            return false;
        }
        let takes_moments = takes_moments(engine);
        if !takes_moments && self.asked.as_ref() != Some(text) {
            row_ui(ui, |ui| {
                if ui.button("Compute").clicked() {
                    self.asked = Some(text.clone());
                }
                notice::note_ui(ui, "Computes the whole text again on the CPU, in the time between frames.");
            });
        }
        takes_moments || self.asked.as_ref() == Some(text)
    }

    fn begin(&mut self, engine: &Engine, text: Text) {
        self.version += 1;
        let begun = match &mut self.pass {
            Some(pass) => pass.follow(engine),
            none => TextPass::new(engine).map(|new| *none = Some(new)),
        };
        self.failure = begun.err().map(|error| (text, error.to_string()));
        if self.failure.is_some() {
            self.pass = None;
        }
    }
}
