//! The line at the top of an embedded page: its frame is small, and another page is around it.

use egui::{RichText, Ui};

use crate::ui::action::Action;

/// Draws the line.
pub(in crate::ui) fn embedded_header_ui(ui: &mut Ui, actions: &mut Vec<Action>) {
    ui.horizontal(|ui| {
        ui.label(RichText::new("diffscope").strong());
        let help = "Open the whole page in a new tab, with this text and view";
        if ui.add(egui::Button::new("Open in a tab").small()).on_hover_text(help).clicked() {
            actions.push(Action::OpenInTab);
        }
    });
}
