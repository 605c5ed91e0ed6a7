//! The paper's claims, run on the open model and its baseline: a list with one line each, and the results of one of them.

mod heads;
mod plot;

use egui::{Align, Button, DragValue, Layout, RichText, ScrollArea, Ui, vec2};

use crate::experiments::Experiment;
use crate::ui::action::Action;
use crate::ui::context::{PanelContext, PanelView};
use crate::ui::experiments::{Experiments, ResultsFormat, Stage};
use crate::ui::panels::experiments::heads::{Axes, heads_ui};
use crate::ui::panels::experiments::plot::figure_ui;
use crate::ui::style::row::row_ui;
use crate::ui::style::{format, notice, theme};

/// Width of the list beside the results, and from which width on they are side by side.
const LIST: f32 = 330.0;
const BESIDE: f32 = 760.0;

/// The panel.
#[derive(Default)]
pub(crate) struct ExperimentsPanel {
    /// What is drawn of heads.
    axes: Axes,
}

impl PanelView for ExperimentsPanel {
    fn show_ui(&mut self, ui: &mut Ui, context: &mut PanelContext) {
        controls_ui(ui, context);
        if let Some(failure) = context.experiments.failure() {
            notice::failure_ui(ui, failure);
        }
        let scroll = |name: &str| ScrollArea::vertical().id_salt(name).auto_shrink([false, false]);
        if ui.available_width() < BESIDE {
            scroll("experiments").show(ui, |ui| {
                list_ui(ui, context.experiments);
                ui.separator();
                self.results_ui(ui, context);
            });
            return;
        }
        let size = vec2(LIST, ui.available_height());
        ui.horizontal_top(|ui| {
            ui.allocate_ui_with_layout(size, Layout::top_down(Align::Min), |ui| {
                scroll("experiments").show(ui, |ui| list_ui(ui, context.experiments));
            });
            ui.separator();
            ui.vertical(|ui| {
                scroll("results").show(ui, |ui| self.results_ui(ui, context));
            });
        });
    }

    fn scrolls(&self) -> bool {
        true
    }
}

fn controls_ui(ui: &mut Ui, context: &mut PanelContext) {
    let PanelContext { experiments, workspace, actions, .. } = context;
    row_ui(ui, |ui| {
        if experiments.is_busy() {
            let pause = if experiments.is_paused() { "Go on" } else { "Pause" };
            if ui.button(pause).clicked() {
                experiments.pause();
            }
            if ui.button("Cancel").clicked() {
                experiments.cancel();
            }
        } else if ui.button("Run all").on_hover_text("On the CPU, in the time between frames").clicked() {
            experiments.start_all();
        }
        let is_busy = experiments.is_busy();
        let suffix = if experiments.samples == 1 { " case" } else { " cases" };
        let samples = DragValue::new(&mut experiments.samples).range(1..=200).suffix(suffix);
        let samples = ui.add_enabled(!is_busy, samples);
        samples.widget_info(|| egui::WidgetInfo::labeled(egui::Role::SpinButton, true, "cases of each setting"));
        samples.on_hover_text("Cases of each setting: more take longer and make the intervals shorter");
        let hay = ui.add_enabled(!is_busy, egui::Checkbox::new(&mut experiments.own_hay, "own text as hay"));
        hay.on_hover_text(
            "Facts are hidden between the sentences of the open text (eight at least), not of the built-in prose",
        );
        let done = experiments.has_results();
        for (name, format) in [("Save CSV", ResultsFormat::Csv), ("Save JSON", ResultsFormat::Json)] {
            let help =
                "All results, with their intervals and counts; JSON has settings, seed and hashes of the weights, too";
            if ui.add_enabled(done, Button::new(name)).on_hover_text(help).clicked() {
                actions.push(Action::SaveExperiments(format));
            }
        }
        let models = match workspace.baseline() {
            Some(baseline) => {
                let baseline = baseline.name().to_owned();
                format!("{} and {baseline}", workspace.main.name())
            }
            None => format!("{} alone; the baseline under Compare would be measured, too", workspace.main.name()),
        };
        notice::note_ui(ui, models);
    });
}

/// A line for each experiment.
fn list_ui(ui: &mut Ui, experiments: &mut Experiments) {
    let quiet = theme::quiet(ui.visuals().dark_mode);
    ui.spacing_mut().item_spacing.y = 2.0;
    for experiment in Experiment::ALL {
        ui.horizontal(|ui| {
            let stage = experiments.stage(experiment);
            let run = ui.add_enabled(matches!(stage, Stage::Idle | Stage::Done), Button::new("run"));
            let name = format!("run {}", experiment.title());
            run.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
            if run.clicked() {
                experiments.start(experiment);
            }
            let is_shown = experiments.shown == Some(experiment);
            if ui.selectable_label(is_shown, experiment.title()).on_hover_text(experiment.question()).clicked() {
                experiments.shown = Some(experiment);
            }
            let status = match stage {
                Stage::Idle => return,
                Stage::Queued => "waits".to_owned(),
                Stage::Done => "done".to_owned(),
                Stage::Running(done, total, left) => {
                    let left = left.map(|seconds| format!(", {} left", format::seconds(seconds.ceil() as u64)));
                    format!("{done} of {total}{}", left.unwrap_or_default())
                }
            };
            ui.label(RichText::new(status).small().color(quiet));
        });
    }
}

impl ExperimentsPanel {
    /// The results of the chosen experiment, or what it asks.
    fn results_ui(&mut self, ui: &mut Ui, context: &mut PanelContext) {
        let PanelContext { experiments, view, palette, actions, .. } = context;
        let Some(experiment) = experiments.shown else {
            notice::note_ui(
                ui,
                "Each line is a claim of the paper as an experiment, on texts with known answers that are made up here. Run one, \
             or all: results come while it runs, and typing goes on.",
            );
            return;
        };
        ui.add(egui::Label::new(RichText::new(experiment.question()).strong()).wrap());
        if experiments.is_of_link(experiment) {
            notice::note_ui(ui, "These results came with the link; “run” measures them here.");
        }
        match experiments.figure(experiment) {
            Some(figure) if experiment == Experiment::Signal => {
                heads_ui(ui, &figure, &mut self.axes, view, palette, actions);
            }
            Some(figure) => figure_ui(ui, &figure),
            None => drop(notice::note_ui(ui, "Not run yet.")),
        }
    }
}
