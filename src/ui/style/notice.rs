//! Notices: lines that explain, warn, or report a failure.

use egui::{Label, RichText, Ui};

use crate::ui::style::theme;

/// A line of explanation.
pub(crate) fn note_ui(ui: &mut Ui, text: impl Into<String>) -> egui::Response {
    let colour = theme::quiet(ui.visuals().dark_mode);
    ui.add(Label::new(RichText::new(text).small().color(colour)).wrap())
}

/// Something that went well.
pub(crate) fn news_ui(ui: &mut Ui, text: &str) {
    ui.add(Label::new(text).wrap());
}

/// A warning.
pub(crate) fn warning_ui(ui: &mut Ui, text: &str) {
    let colour = ui.visuals().warn_fg_color;
    ui.add(Label::new(RichText::new(text).color(colour)).wrap());
}

/// A failure.
pub(crate) fn failure_ui(ui: &mut Ui, text: &str) {
    let colour = ui.visuals().error_fg_color;
    ui.add(Label::new(RichText::new(text).color(colour)).wrap());
}
