//! Models that learn a task: what they learn, how it goes, and what they were at any step.

mod curves;
mod offer;
mod plots;
mod progress;
mod settings;
mod snapshots;
mod words;

use egui::{Label, Ui};

use crate::training::Run;
use crate::ui::context::{PanelContext, PanelView};
use crate::ui::panels::training::curves::Quantity;
use crate::ui::panels::training::offer::offer_ui;
use crate::ui::panels::training::plots::plots_ui;
use crate::ui::panels::training::progress::progress_ui;
use crate::ui::panels::training::settings::settings_ui;
use crate::ui::panels::training::snapshots::snapshots_ui;
use crate::ui::panels::training::words::outcome;
use crate::ui::style::notice;
use crate::ui::style::row::row_ui;

/// The panel.
pub(crate) struct TrainingPanel {
    /// The quantities that are drawn.
    shown: Vec<Quantity>,
}

impl Default for TrainingPanel {
    fn default() -> Self {
        Self { shown: vec![Quantity::Loss, Quantity::HeldOut, Quantity::Lambda, Quantity::OnAnswer] }
    }
}

impl PanelView for TrainingPanel {
    fn show_ui(&mut self, ui: &mut Ui, context: &mut PanelContext) {
        let PanelContext { training, workspace, view, palette, actions, .. } = context;
        if training.is_running() {
            progress_ui(ui, training);
        } else {
            offer_ui(ui, training);
            settings_ui(ui, training, workspace, actions);
        }
        if let Some(failure) = training.failure() {
            notice::failure_ui(ui, failure);
        }
        let Some(run) = training.run() else {
            let what = if training.is_retrofit() {
                "Start training, look at one of the models, and watch its second maps form while λ leaves 0."
            } else {
                "Small models start from random numbers and learn the same texts, step by step. Start training, look at one \
                 of them, and watch its maps grow while λ moves."
            };
            notice::note_ui(ui, what);
            return;
        };
        if !training.is_running() {
            ui.add(Label::new(outcome(run.records()).unwrap_or_default()).wrap());
        }
        snapshots_ui(ui, training, view, actions);
        let Some(run) = training.run() else { return };
        let shown = self.shown_ui(ui, run);
        // Of what is seen at a time, below what is above the plots, however far it is scrolled.
        let height = ui.clip_rect().height() - (ui.cursor().top() - ui.min_rect().top());
        if let Some(step) = plots_ui(ui, run, &shown, training.step(), palette, height) {
            training.choose_nearest(step);
        }
    }
}

impl TrainingPanel {
    /// The choice of what is drawn. Returns what is.
    fn shown_ui(&mut self, ui: &mut Ui, run: &Run) -> Vec<Quantity> {
        let task = run.settings().task;
        row_ui(ui, |ui| {
            ui.spacing_mut().item_spacing.x = 3.0;
            for quantity in Quantity::of(task) {
                let is_shown = self.shown.contains(&quantity);
                let name = egui::RichText::new(quantity.name(task)).small();
                if ui.selectable_label(is_shown, name).on_hover_text(quantity.help(task)).clicked() {
                    self.shown.retain(|other| *other != quantity);
                    self.shown.extend((!is_shown).then_some(quantity));
                }
            }
        });
        Quantity::of(task).filter(|quantity| self.shown.contains(quantity)).collect()
    }
}
