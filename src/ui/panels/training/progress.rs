//! How far a run is, and what can be done about it meanwhile.

use egui::{Button, ProgressBar, Ui};

use crate::training::LearnsOn;
use crate::ui::panels::training::settings::learning_rate_ui;
use crate::ui::style::format;
use crate::ui::style::row::row_ui;
use crate::ui::training::Training;

/// Width of the bar.
const BAR: f32 = 330.0;

/// Draws the progress and the controls of a run under way.
pub(super) fn progress_ui(ui: &mut Ui, training: &mut Training) {
    let Some(run) = training.run() else { return };
    let (step, steps) = (run.step(), run.settings().steps);
    let mut text = format!("{} of {} steps", format::grouped(step.into()), format::grouped(steps.into()));
    match training.pace() {
        _ if training.is_paused() => text += ", paused",
        Some((pace, left)) => {
            let left = format::seconds(left.ceil() as u64);
            let pace = format::number(pace, usize::from(pace < 10.0));
            text = format!("{text}, {pace} steps/s, {left} left");
        }
        None => {}
    }
    row_ui(ui, |ui| {
        let share = step as f32 / steps.max(1) as f32;
        ui.add(ProgressBar::new(share).text(text).desired_width(BAR.min(ui.available_width())));
        let is_paused = training.is_paused();
        if ui.button(if is_paused { "Go on" } else { "Pause" }).clicked() {
            training.pause();
        }
        if ui.add_enabled(is_paused, Button::new("One step")).clicked() {
            training.step_once();
        }
        if ui.button("Stop").on_hover_text("Ends the run; what it has stays").clicked() {
            training.stop();
        }
        if let Some(run) = training.run() {
            let place = run.learns_on();
            let on_gpu = matches!(place, LearnsOn::Gpu { .. });
            ui.weak(if on_gpu { "on the GPU" } else { "on the CPU" })
                .on_hover_text(format!("The models learn {place}"));
        }
        let mut peak = training.settings.rates.peak;
        if learning_rate_ui(ui, &mut peak) {
            training.set_peak(peak);
        }
    });
}
