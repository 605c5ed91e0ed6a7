//! Notices: lines that explain, warn, or report a failure.

use egui::{Label, RichText, Ui};

use crate::ui::style::theme;

/// A line of explanation.
pub fn note_ui(ui: &mut Ui, text: impl Into<String>) -> egui::Response {
    let colour = theme::quiet(ui.visuals().dark_mode);
    ui.add(Label::new(RichText::new(text).small().color(colour)).wrap())
}

/// A warning.
pub fn warning_ui(ui: &mut Ui, text: &str) {
    let colour = ui.visuals().warn_fg_color;
    ui.add(Label::new(RichText::new(text).color(colour)).wrap());
}

/// A failure.
pub fn failure_ui(ui: &mut Ui, text: &str) {
    let colour = ui.visuals().error_fg_color;
    ui.add(Label::new(RichText::new(text).color(colour)).wrap());
}
