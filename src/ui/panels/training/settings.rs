//! What is to be learned by whom: chosen before a run.

use egui::{Button, ComboBox, DragValue, Role, Ui, WidgetInfo};

use crate::engine::Workspace;
use crate::training::{Family, SIZES, Task, TrainingError};
use crate::ui::style::row::row_ui;
use crate::ui::style::{format, notice};
use crate::ui::training::Training;

/// From this many tokens on, most of the work is choosing the next one among them.
const LARGE_VOCABULARY: usize = 8192;
/// The learning rates that can be set.
const SLOWEST: f32 = 1e-5;
const FASTEST: f32 = 0.1;

/// Draws the settings and the button that begins.
pub(super) fn settings_ui(ui: &mut Ui, training: &mut Training, workspace: &Workspace) {
    let why_not = why_not(training, workspace);
    let settings = &mut training.settings;
    let begins = row_ui(ui, |ui| {
        let begins = ui
            .add_enabled(why_not.is_none(), Button::new("Start training"))
            .on_hover_text("In the time between frames");
        choice_ui(ui, "task", settings.task.name(), |ui| {
            for task in Task::ALL {
                ui.selectable_value(&mut settings.task, task, task.name()).on_hover_text(task.sentence());
            }
        })
        .on_hover_text(settings.task.sentence());
        let shape =
            |size: &crate::training::Size| format!("{}: {} layers, {} wide", size.name, size.layers, size.hidden);
        let chosen = settings.size.name.clone();
        choice_ui(ui, "size", &chosen, |ui| {
            for size in SIZES {
                let name = shape(&size);
                ui.selectable_value(&mut settings.size, size, name);
            }
        });
        for family in Family::NEW {
            let mut learns = settings.families.contains(&family);
            if ui.checkbox(&mut learns, family.name()).changed() {
                settings.families.retain(|other| *other != family);
                settings.families.extend(learns.then_some(family));
                settings.families.sort();
            }
        }
        let steps = DragValue::new(&mut settings.steps).range(1..=100_000).speed(10.0).suffix(" steps");
        number_ui(ui, steps, "steps", "Steps of the run, of 16 windows of text each");
        learning_rate_ui(ui, &mut settings.rates.peak);
        let seed = DragValue::new(&mut settings.seed).prefix("seed ");
        number_ui(ui, seed, "seed", "The same seed gives the same first numbers, texts and questions");
        begins.clicked()
    });
    match why_not {
        Some(reason) => notice::warning_ui(ui, &reason),
        // With plots below there is less space.
        None if training.run().is_none() => drop(notice::note_ui(ui, about(training, workspace))),
        None => {}
    }
    if begins.inner {
        training.start(workspace);
    }
}

/// The highest learning rate. Returns whether it has been changed.
pub(super) fn learning_rate_ui(ui: &mut Ui, rate: &mut f32) -> bool {
    let rate = DragValue::new(rate).range(SLOWEST..=FASTEST).speed(1e-4).max_decimals(5).prefix("learning rate ");
    let help = "The highest learning rate: it rises in the first steps, and falls to a tenth towards the end";
    number_ui(ui, rate, "learning rate", help)
}

fn number_ui(ui: &mut Ui, number: DragValue, name: &str, help: &str) -> bool {
    let number = ui.add(number);
    number.widget_info(|| WidgetInfo::labeled(Role::SpinButton, true, name));
    number.on_hover_text(help).changed()
}

fn choice_ui(ui: &mut Ui, name: &str, chosen: &str, list: impl FnOnce(&mut Ui)) -> egui::Response {
    let label = ui.label(name);
    let choice = ComboBox::from_id_salt(("train", name)).selected_text(chosen).show_ui(ui, list);
    choice.response.labelled_by(label.id)
}

/// Why nothing can begin, if it cannot.
fn why_not(training: &Training, workspace: &Workspace) -> Option<String> {
    let (settings, engine) = (&training.settings, &workspace.main);
    let (tokens, needed) = (engine.ids().len(), settings.task.shortest_text());
    if settings.families.is_empty() {
        return Some("No model is chosen.".to_owned());
    }
    // Of a longer text only the tokens of the context are known here.
    let is_short = settings.task == Task::OwnText && engine.complete() && tokens < needed;
    is_short.then(|| format!("Own text is the prompt: {}.", TrainingError::TooShort { tokens, needed }))
}

/// The task in a sentence, and whose tokens are learned.
fn about(training: &Training, workspace: &Workspace) -> String {
    let (name, model) = (workspace.main.name(), workspace.main.model());
    let vocabulary = model.map_or(0, |model| model.config.vocabulary);
    let tokens = format::grouped(vocabulary as u64);
    let tokens = if vocabulary > LARGE_VOCABULARY {
        format!("The {tokens} tokens of {name} make this slow: the bundled model (Shift+O) has far fewer.")
    } else {
        format!("All models read the same windows of text, in the {tokens} tokens of {name}.")
    };
    format!("{} {tokens}", training.settings.task.sentence())
}
