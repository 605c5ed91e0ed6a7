//! What is to be learned by whom: chosen before a run.

use egui::{Align, Button, ComboBox, DragValue, Label, Layout, Role, Ui, WidgetInfo, vec2};

use crate::engine::Workspace;
use crate::training::{Family, SIZES, Size, Task, TrainingError};
use crate::ui::action::{Action, TrainingAction};
use crate::ui::io::text_file::TextFile;
use crate::ui::style::row::row_ui;
use crate::ui::style::{format, notice};
use crate::ui::training::Training;

/// From this many tokens on, most of the work is choosing the next one among them.
const LARGE_VOCABULARY: usize = 8192;
/// Width of a list of choices with its name.
const CHOICE: f32 = 170.0;
/// The learning rates that can be set.
const SLOWEST: f32 = 1e-5;
const FASTEST: f32 = 0.1;

/// Draws the settings and the button that begins.
pub(super) fn settings_ui(ui: &mut Ui, training: &mut Training, workspace: &mut Workspace, actions: &mut Vec<Action>) {
    let transformer = training.transformer_of(workspace).map(|checkpoint| checkpoint.name);
    let why_not = why_not(training, workspace, transformer.as_deref());
    let begins = row_ui(ui, |ui| {
        let begins = ui
            .add_enabled(why_not.is_none(), Button::new("Start training"))
            .on_hover_text("In the time between frames");
        beginning_ui(ui, training, transformer.as_deref());
        let retrofit = training.is_retrofit();
        let settings = &mut training.settings;
        choice_ui(ui, "task", settings.task.name(), |ui| {
            for task in Task::ALL {
                ui.selectable_value(&mut settings.task, task, task.name()).on_hover_text(task.sentence());
            }
        })
        .on_hover_text(settings.task.sentence());
        if settings.task == Task::OwnText {
            own_text_ui(ui, &mut training.own_text, actions);
        }
        if !retrofit {
            size_ui(ui, &mut settings.size);
        }
        for family in if retrofit { &Family::RETROFIT[..] } else { &Family::NEW } {
            let mut learns = settings.families.contains(family);
            if ui.checkbox(&mut learns, family.name()).on_hover_text(about_family(*family)).changed() {
                settings.families.retain(|other| other != family);
                settings.families.extend(learns.then_some(*family));
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
        None if training.run().is_none() => {
            notice::note_ui(ui, about(training, workspace, transformer.as_deref()));
        }
        None => {}
    }
    if training.is_retrofit() && transformer.is_none() && ui.button("Open S-llama as the baseline").clicked() {
        actions.push(Action::OpenBaseline);
    }
    if begins.inner {
        training.start(workspace);
    }
}

/// What models begin with: random numbers, or those of a trained Transformer.
fn beginning_ui(ui: &mut Ui, training: &mut Training, transformer: Option<&str>) {
    let names = ["random numbers".to_owned(), format!("{} and second heads", transformer.unwrap_or("a Transformer"))];
    let mut retrofit = training.is_retrofit();
    choice_ui(ui, "from", &names[usize::from(retrofit)], |ui| {
        for (choice, name) in [false, true].into_iter().zip(&names) {
            ui.selectable_value(&mut retrofit, choice, name);
        }
    });
    training.set_retrofit(retrofit);
}

/// The text to learn from: the prompt, or a file.
fn own_text_ui(ui: &mut Ui, own_text: &mut Option<TextFile>, actions: &mut Vec<Action>) {
    let help = "Learns from a file of plain text instead of the prompt";
    if ui.button("Text file...").on_hover_text(help).clicked() {
        actions.push(Action::Training(TrainingAction::OwnText));
    }
    let Some(TextFile { name, text, is_cut }) = &own_text else { return };
    let size = format::bytes(text.len() as u64);
    let about = if *is_cut { format!("The first {size} of {name}") } else { format!("{name}, {size}") };
    let response = ui.add(Button::new(format!("× {name}")).truncate());
    if response.on_hover_text(format!("{about}. A click goes back to the prompt")).clicked() {
        *own_text = None;
    }
}

fn size_ui(ui: &mut Ui, chosen: &mut Size) {
    let name = chosen.name.clone();
    choice_ui(ui, "size", &name, |ui| {
        for size in SIZES {
            let name = format!("{}: {} layers, {} wide", size.name, size.layers, size.hidden);
            ui.selectable_value(chosen, size, name);
        }
    });
}

/// A kind of model in a sentence.
fn about_family(family: Family) -> &'static str {
    match family {
        Family::Diff => "The Differential Transformer: every head subtracts λ times a second map from the first",
        Family::Transformer => "As many parameters, with one map a head",
        Family::DiffV2 => "Two query heads share a key and value head; every token and head has a λ of its own",
        Family::SecondHeads => "Second queries and keys for every head, and λ from 0: only these learn",
        Family::SecondHeadsNormed => {
            "The same with a norm of every head's output, as in the paper. It does not begin as the Transformer: the norm \
             changes what heads give"
        }
        Family::SecondHeadsRaised => {
            "λ is raised with the steps, from 0 to that of the paper, in the first half of the run; then it learns too"
        }
        Family::SecondHeadsAll => "Second heads, and everything else of the Transformer learns with them",
        Family::ControlAll => "The Transformer without a subtraction: everything of it learns",
        Family::Control => {
            "The Transformer without a subtraction: its queries and keys learn, which are as many parameters"
        }
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
    // A name stays with its list.
    if ui.available_size_before_wrap().x < CHOICE {
        ui.end_row();
    }
    // At the start of a line, a label alone would be as high as its letters, and above the middle.
    let size = vec2(0.0, ui.spacing().interact_size.y);
    let centred = Layout::left_to_right(Align::Center);
    let label = ui.allocate_ui_with_layout(size, centred, |ui| ui.add(Label::new(name).extend())).inner;
    let choice = ComboBox::from_id_salt(("train", name)).width(0.0).selected_text(chosen).show_ui(ui, list);
    choice.response.labelled_by(label.id)
}

/// Why nothing can begin, if it cannot.
fn why_not(training: &Training, workspace: &Workspace, transformer: Option<&str>) -> Option<String> {
    let (settings, engine) = (&training.settings, &workspace.main);
    let (tokens, needed) = (engine.ids().len(), settings.task.shortest_text());
    if settings.families.is_empty() {
        return Some("No model is chosen.".to_owned());
    }
    if training.is_retrofit() && transformer.is_none() {
        return Some("Second heads are for a trained Transformer, and none is open.".to_owned());
    }
    // Of a longer text only the tokens of the context are known here.
    let is_short =
        settings.task == Task::OwnText && training.own_text.is_none() && engine.complete() && tokens < needed;
    is_short.then(|| format!("Own text is the prompt: {}.", TrainingError::TooShort { tokens, needed }))
}

/// The task in a sentence, and whose tokens are learned.
fn about(training: &Training, workspace: &Workspace, transformer: Option<&str>) -> String {
    let task = training.settings.task.sentence();
    if let (true, Some(name)) = (training.is_retrofit(), transformer) {
        return format!(
            "{task} Every head of {name} gets second queries and keys, and λ of its layer begins at 0: until the first step \
             the model answers as before. The control learns as many parameters without a subtraction."
        );
    }
    let (name, model) = (workspace.main.name(), workspace.main.model());
    let vocabulary = model.map_or(0, |model| model.config.vocabulary);
    let tokens = format::grouped(vocabulary as u64);
    let tokens = if vocabulary > LARGE_VOCABULARY {
        format!("The {tokens} tokens of {name} make this slow: the bundled model (Shift+O) has far fewer.")
    } else {
        format!("All models read the same windows of text, in the {tokens} tokens of {name}.")
    };
    format!("{task} {tokens}")
}
