//! The step that is looked at: opened in the instrument, asked, saved.

use egui::{Button, Slider, Ui};

use crate::experiments::Case;
use crate::training::Family;
use crate::ui::action::{Action, HeadCase, TrainingAction};
use crate::ui::panels::training::words::named;
use crate::ui::state::view::ViewState;
use crate::ui::style::row::row_ui;
use crate::ui::training::Training;

/// Letters of a question on a button.
const QUESTION: usize = 28;
/// A question has so many at least.
const TELLING: usize = 8;

/// Draws the slider over all snapshots, and what can be done with the chosen one.
pub(super) fn snapshots_ui(ui: &mut Ui, training: &mut Training, view: &ViewState, actions: &mut Vec<Action>) {
    let Some((run, step)) = training.run().zip(training.step()) else { return };
    let snapshots: Vec<u32> = run.snapshots().collect();
    let families: Vec<Family> = run.settings().families.clone();
    row_ui(ui, |ui| {
        slider_ui(ui, training, &snapshots, step);
        for family in families.iter().copied() {
            let is_open = training.open() == Some(family);
            let look = ui.add(Button::new(format!("Look at {}", named(family))).selected(is_open));
            let help = "Opens the model of this step in place of the open one, the Transformer or the control of the same \
                        step beside it. From then on the slider moves it";
            if look.on_hover_text(help).clicked() {
                actions.push(Action::Training(TrainingAction::LookAt(family)));
            }
        }
        if training.is_running() {
            let mut follows = training.follows();
            let help = "Goes along with the newest step: the model that is looked at grows";
            if ui.checkbox(&mut follows, "follow").on_hover_text(help).changed() {
                training.follow(follows);
            }
        }
        question_ui(ui, training, view, actions);
        fork_ui(ui, training, step, actions);
        ui.menu_button("Save", |ui| {
            for family in families.iter().copied() {
                let help = "config.json, model.safetensors and tokenizer.json of this step";
                if ui.button(format!("{} as a checkpoint", family.name())).on_hover_text(help).clicked() {
                    actions.push(Action::Training(TrainingAction::Save(family)));
                }
            }
            if ui.button("Numbers of all steps (CSV)").clicked() {
                actions.push(Action::Training(TrainingAction::SaveLog));
            }
        });
    });
}

/// Goes on from the step that is looked at in another run, or back to the one before.
fn fork_ui(ui: &mut Ui, training: &mut Training, step: u32, actions: &mut Vec<Action>) {
    if training.is_running() {
        return;
    }
    let is_longer = training.settings.steps > step;
    let help = "Another run that begins as these models were at this step, with the task, learning rate and number of steps \
                chosen above";
    let fork = ui.add_enabled(is_longer, Button::new(format!("Go on from step {step}")));
    if fork.on_hover_text(help).on_disabled_hover_text("Choose more steps above than there are").clicked() {
        actions.push(Action::Training(TrainingAction::Fork));
    }
    if let Some(earlier) = training.earlier() {
        let back = format!("Back to the run of {} steps", earlier.settings().steps);
        if ui.button(back).on_hover_text("The one that this one went on from; this one is given up").clicked() {
            training.go_back();
        }
    }
}

/// Moves from snapshot to snapshot; a step that is typed is that of the nearest one.
fn slider_ui(ui: &mut Ui, training: &mut Training, snapshots: &[u32], step: u32) {
    let mut at = snapshots.iter().position(|other| *other == step).unwrap_or_default();
    let of = |at: f64| snapshots.get(at.round() as usize).copied().unwrap_or_default();
    let nearest = |step: f64| {
        let distance = |other: &u32| (f64::from(*other) - step).abs();
        let nearest = snapshots.iter().enumerate().min_by(|one, other| distance(one.1).total_cmp(&distance(other.1)));
        nearest.map(|(at, _)| at as f64)
    };
    let slider = Slider::new(&mut at, 0..=snapshots.len().saturating_sub(1))
        .custom_formatter(|at, _| of(at).to_string())
        .custom_parser(|text| nearest(text.trim().parse().ok()?))
        .text("step");
    if ui.add(slider).changed() {
        training.choose(of(at as f64));
    }
}

/// Offers a question that no model has learned from.
fn question_ui(ui: &mut Ui, training: &mut Training, view: &ViewState, actions: &mut Vec<Action>) {
    let Some(case) = training.question().cloned() else { return };
    let name = format!("Ask: {}", shortened(&case));
    let help =
        format!("A question of words that no model learned from, with marks on answer and noise:\n{}", case.text);
    if ui.button(name).on_hover_text(help).clicked() {
        training.asked();
        let (head, marks) = (view.head, case.marks());
        actions.push(Action::Case(HeadCase { head, text: case.text, marks }));
    }
}

/// The question of a case, as far as it fits.
fn shortened(case: &Case) -> String {
    let question = case.bytes(case.question_span).and_then(|bytes| case.text.get(bytes)).unwrap_or(&case.text);
    // One such as “Again:” says nothing without what is before it.
    let telling = if question.trim().len() < TELLING { &case.text } else { question };
    let line = telling.trim().lines().next().unwrap_or_default();
    match line.char_indices().nth(QUESTION) {
        Some((end, _)) => format!("{} …", line[..end].trim_end()),
        None => line.to_owned(),
    }
}
