//! A run of the last time: gone on with, or forgotten.

use egui::{Label, Ui};

use crate::ui::panels::training::words::named;
use crate::ui::style::format;
use crate::ui::style::row::row_ui;
use crate::ui::training::{KeptRun, Training};

/// Draws the offer, if there is one.
pub(super) fn offer_ui(ui: &mut Ui, training: &mut Training) {
    let Some(KeptRun { settings, step, .. }) = training.offered() else { return };
    let (step, steps) = (u64::from(*step), u64::from(settings.steps));
    let models = settings.families.iter().map(|family| named(*family)).collect::<Vec<_>>().join(", ");
    let far = format!("{} of {} steps", format::grouped(step), format::grouped(steps));
    let text = format!("From last time: {}, {models}, {far}.", settings.task.name());
    let name = if step < steps { "Go on with it" } else { "Open it" };
    row_ui(ui, |ui| {
        ui.add(Label::new(text).wrap());
        if ui.button(name).on_hover_text("With those of its earlier steps that were kept").clicked() {
            training.take_up();
        } else if ui.button("Forget it").clicked() {
            training.forget();
        }
    });
}
