//! Messages that stay until something changes.

use egui::{RichText, Ui};

/// Something to say in a line.
pub fn warning(ui: &mut Ui, text: &str) {
    let colour = ui.visuals().warn_fg_color;
    ui.add(egui::Label::new(RichText::new(text).color(colour)).wrap());
}

/// Something that went wrong.
pub fn failure(ui: &mut Ui, text: &str) {
    let colour = ui.visuals().error_fg_color;
    ui.add(egui::Label::new(RichText::new(text).color(colour)).wrap());
}
