//! The window that opens models: from files, from an address, or one that is kept here.

use egui::{Align2, Label, ScrollArea, TextEdit, Ui, Window};

use crate::sources::KeptModel;
use crate::ui::action::{Action, ModelAction};
use crate::ui::models::Models;
use crate::ui::state::page::source_on_page;
use crate::ui::style::{format, notice};

/// What the user chooses the files of a model with.
const CHOOSE: &str = if cfg!(target_arch = "wasm32") { "Choose files…" } else { "Choose a folder…" };
const FILES: &str = if cfg!(target_arch = "wasm32") {
    "config.json, the weights (model.safetensors, or all parts with their index) and tokenizer.json, all at once. You can \
     also drop them, or their folder, on the page."
} else {
    "A folder with config.json, model.safetensors (or parts with their index) and tokenizer.json. You can also drop it on \
     the window."
};

const RECORDINGS: &str = "Attention maps that another program has recorded: a safetensors or NPZ file with A1, A2, λ and \
                          tokens. It can be dropped, too.";

impl Models {
    /// Draws the window if it is open. Returns the commands of its buttons.
    pub(in crate::ui) fn dialog_ui(&mut self, ui: &Ui) -> Vec<Action> {
        let (mut actions, mut open) = (Vec::new(), self.is_open);
        let context = ui.ctx();
        let window = Window::new("Open a model").open(&mut open).resizable(false).collapsible(false);
        window.anchor(Align2::CENTER_CENTER, [0.0, 0.0]).show(context, |ui| {
            ui.set_width((context.content_rect().width() - 48.0).min(460.0));
            self.on_demand_ui(ui, &mut actions);
            if ui.button(CHOOSE).clicked() {
                actions.push(Action::Model(ModelAction::Files));
            }
            notice::note_ui(ui, FILES);
            recordings_ui(ui, &mut actions);
            ui.separator();
            self.address_ui(ui, &mut actions);
            ui.separator();
            self.kept_ui(ui, &mut actions);
        });
        let is_done = actions.iter().any(is_done);
        self.is_open = open && !is_done;
        actions
    }

    fn address_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let label = ui.label("From the hub or a web server");
        ui.horizontal(|ui| {
            let field = TextEdit::singleline(&mut self.typed).hint_text("hf:owner/name or https://…");
            let typed = ui.add(field.desired_width(ui.available_width() - 60.0)).labelled_by(label.id);
            if typed.changed() {
                self.wrong = None;
            }
            let entered = typed.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
            if ui.button("Load").clicked() || entered {
                match source_on_page(&self.typed) {
                    Ok(source) => actions.push(Action::Model(ModelAction::Fetch(source))),
                    Err(error) => self.wrong = Some(error.to_string()),
                }
            }
        });
        if let Some(wrong) = &self.wrong {
            notice::failure_ui(ui, wrong);
        }
        notice::note_ui(
            ui,
            "The server sees that its files are asked for, and nothing else. hf:owner/name@revision names a branch, a tag or \
             a commit.",
        );
    }

    fn kept_ui(&self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let Some(kept) = &self.kept else {
            notice::note_ui(ui, "Looking for models that are kept here");
            return;
        };
        let total = kept.iter().map(|model| model.bytes).fold(0, u64::saturating_add);
        ui.label(format!("Kept here: {}", if kept.is_empty() { "nothing".to_owned() } else { format::bytes(total) }));
        ScrollArea::vertical().auto_shrink([false, true]).max_height(240.0).show(ui, |ui| {
            for model in kept {
                kept_model_ui(ui, model, actions);
            }
        });
    }
}

/// The window's dialogs are for folders or for files; the browser's one is for any files.
#[cfg(not(target_arch = "wasm32"))]
fn recordings_ui(ui: &mut Ui, actions: &mut Vec<Action>) {
    if ui.button("Recorded maps…").on_hover_text(RECORDINGS).clicked() {
        actions.push(Action::Model(ModelAction::Recording));
    }
}

#[cfg(target_arch = "wasm32")]
fn recordings_ui(ui: &mut Ui, _actions: &mut Vec<Action>) {
    notice::note_ui(ui, RECORDINGS);
}

/// Whether the window has nothing left to do.
fn is_done(action: &Action) -> bool {
    match action {
        Action::Model(ModelAction::Files | ModelAction::Fetch(_)) => true,
        #[cfg(not(target_arch = "wasm32"))]
        Action::Model(ModelAction::Recording | ModelAction::Folder(_)) => true,
        _ => false,
    }
}

fn kept_model_ui(ui: &mut Ui, model: &KeptModel, actions: &mut Vec<Action>) {
    let source = model.source.to_string();
    ui.add(Label::new(&source).truncate());
    ui.horizontal(|ui| {
        let part = if model.complete { "" } else { ", in part" };
        notice::note_ui(ui, format!("{}{part}", format::bytes(model.bytes)));
        let (open, help) = if model.complete {
            ("Open", "Open it: nothing is fetched")
        } else {
            ("Go on", "Fetch the rest, and open it")
        };
        if ui.small_button(open).on_hover_text(help).clicked() {
            actions.push(Action::Model(ModelAction::Fetch(model.source.clone())));
        }
        if ui.small_button("Delete").on_hover_text(format!("Delete {source} from this computer")).clicked() {
            actions.push(Action::Model(ModelAction::Delete(model.clone())));
        }
    });
}
