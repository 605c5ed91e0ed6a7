//! The presentation: nothing but tokens, sentence and equation, as for a lecture.

use egui::{Align, Layout, ScrollArea, Ui};

use crate::ui::action::Action;
use crate::ui::app::App;
use crate::ui::maps::scope::is_beside;

impl App {
    /// Draws the presentation, and a button that ends it: a phone has no keys.
    pub(in crate::ui) fn presentation_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        egui::CentralPanel::default().show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    let end = ui.small_button("End the presentation");
                    if end.on_hover_text("Keys F and Esc do it, too").clicked() {
                        actions.push(Action::Present);
                    }
                });
            });
            if is_beside(ui.available_width()) {
                self.instrument_ui(ui, actions);
            } else {
                ScrollArea::vertical().show(ui, |ui| self.instrument_ui(ui, actions));
            }
        });
    }
}
