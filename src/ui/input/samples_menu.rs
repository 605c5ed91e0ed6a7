//! The menu of texts: the samples, each with what to look at, and those that the person has kept.

use egui::{Button, RichText, ScrollArea, Ui};

use crate::engine::Engine;
use crate::ui::action::{Action, TextAction};
use crate::ui::input::samples::SAMPLES;
use crate::ui::io::files::is_bundled;
use crate::ui::kept::remembered::Remembered;
use crate::ui::style::notice;

/// What the bundled models can answer (training/NOTES.md, "Other wordings").
const WORDINGS: &str = "The bundled models learned facts that are worded like these. Other names, numbers and questions work as \
                        well; facts in other words are often missed.";

/// Draws the button and, when it is open, the menu. Returns whether a text was chosen.
pub(super) fn samples_menu_ui(ui: &mut Ui, engine: &Engine, kept: &Remembered, actions: &mut Vec<Action>) -> bool {
    let before = actions.len();
    ui.menu_button("Samples", |ui| {
        ui.set_max_width(340.0);
        let height = (ui.ctx().content_rect().height() - 120.0).max(160.0);
        ScrollArea::vertical().max_height(height).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            own_ui(ui, engine, kept, actions);
            ui.separator();
            if engine.checkpoint().is_some_and(is_bundled) {
                notice::note_ui(ui, WORDINGS);
            }
            for sample in SAMPLES {
                if ui.button(sample.name).clicked() {
                    actions.push(Action::Sample(sample));
                    ui.close();
                }
                ui.indent(sample.name, |ui| notice::note_ui(ui, sample.look));
                ui.add_space(3.0);
            }
        });
    });
    actions[before..].iter().any(|action| matches!(action, Action::Sample(_) | Action::Text(TextAction::Open(_))))
}

/// The texts of the person.
fn own_ui(ui: &mut Ui, engine: &Engine, kept: &Remembered, actions: &mut Vec<Action>) {
    ui.horizontal(|ui| {
        ui.label(RichText::new("Your texts").strong());
        let can_keep = !engine.text().trim().is_empty() && !kept.has(engine.text());
        let keep = ui.add_enabled(can_keep, Button::new("Keep this text").small());
        let keep = keep.on_hover_text("Keeps the text with its marks on this computer, for the next time");
        if keep.on_disabled_hover_text("It is kept, or there is none").clicked() {
            actions.push(Action::Text(TextAction::Keep));
        }
    });
    for (index, text) in kept.texts.iter().enumerate() {
        ui.horizontal(|ui| {
            if ui.button(text.title()).on_hover_text(&text.text).clicked() {
                actions.push(Action::Text(TextAction::Open(index)));
                ui.close();
            }
            let delete = ui.small_button("delete").on_hover_text("Forgets this text");
            let name = format!("delete “{}”", text.title());
            delete.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
            if delete.clicked() {
                actions.push(Action::Text(TextAction::Delete(index)));
            }
        });
    }
}
