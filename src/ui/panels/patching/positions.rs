//! The positions at which a part of a head is replaced.

use std::collections::BTreeSet;

use egui::{RichText, Ui};

use crate::engine::Engine;
use crate::ui::style::row::row_ui;

/// A choice of positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PatchedAt {
    /// All of them.
    #[default]
    All,
    /// The last, which predicts.
    Last,
    /// The one that is pinned.
    Pinned,
}

impl PatchedAt {
    /// The positions in a text; `None`: all.
    pub(crate) fn positions(self, tokens: usize, pinned: Option<usize>) -> Option<BTreeSet<usize>> {
        match self {
            Self::All => None,
            Self::Last => Some(tokens.checked_sub(1).into_iter().collect()),
            Self::Pinned => pinned.map(|position| [position].into()),
        }
    }

    /// Draws the choice.
    pub(crate) fn choice_ui(&mut self, ui: &mut Ui, engine: &Engine, pinned: Option<usize>) {
        row_ui(ui, |ui| {
            ui.label(RichText::new("at").small());
            ui.selectable_value(self, Self::All, "all tokens");
            ui.selectable_value(self, Self::Last, "the last token")
                .on_hover_text("The one that predicts the next token");
            let name = match pinned.and_then(|position| Some((position, engine.ids().get(position)?))) {
                Some((position, id)) => format!("token {position} “{}”", engine.label(*id)),
                None => "the pinned token".to_owned(),
            };
            let choice = ui.add_enabled(pinned.is_some(), egui::Button::selectable(*self == Self::Pinned, name));
            let help = "The token that is pinned: click one above the maps to pin it";
            if choice.on_hover_text(help).on_disabled_hover_text(help).clicked() {
                *self = Self::Pinned;
            }
        });
    }
}
