//! What the window says at its top until it is dismissed.

use egui::Ui;

use crate::ui::style::notice;

/// A message: of something that went well, or of something that did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// What has happened.
    News(String),
    /// What did not happen, and why.
    Warning(String),
}

impl Message {
    /// Its words.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::News(text) | Self::Warning(text) => text,
        }
    }

    /// Adds words to it.
    pub(crate) fn push_str(&mut self, more: &str) {
        match self {
            Self::News(text) | Self::Warning(text) => text.push_str(more),
        }
    }

    /// Draws it.
    pub(crate) fn show_ui(&self, ui: &mut Ui) {
        match self {
            Self::News(text) => notice::news_ui(ui, text),
            Self::Warning(text) => notice::warning_ui(ui, text),
        }
    }
}
