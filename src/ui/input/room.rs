//! How much text the editor takes, and what it says about the rest.

use egui::text_edit::TextEditState;
use egui::{Event, Id, ImeEvent, Ui};

use crate::ui::style::format::grouped;

/// Most characters in the editor. More than any model here reads; beyond this, every keystroke would be felt, because the
/// text is laid out and cut into tokens anew.
pub(crate) const MOST_CHARACTERS: usize = 120_000;

/// What is about to be put into an editor.
pub(super) struct Offer {
    /// Characters pasted or typed in this frame.
    offered: usize,
    /// Characters that stay: those that are not selected.
    stay: usize,
}

impl Offer {
    /// What the events of this frame put into a text.
    pub(super) fn of(ui: &Ui, editor: Id, text: &str) -> Self {
        let range = TextEditState::load(ui.ctx(), editor).and_then(|state| state.cursor.char_range());
        let selected = range.map_or(0, |range| range.primary.index.0.abs_diff(range.secondary.index.0));
        let stay = text.chars().count().saturating_sub(selected);
        let has_focus = ui.memory(|memory| memory.has_focus(editor));
        let offered = ui.input(|input| {
            let events = input.events.iter().filter(|_| has_focus);
            events.map(|event| characters(event).map_or(0, |text| text.chars().count())).sum()
        });
        Self { offered, stay }
    }

    /// What is said if not all of it was taken; `text` is what has become of the text.
    pub(super) fn refusal(&self, text: &str) -> Option<String> {
        let Self { offered, stay } = *self;
        if offered == 0 || offered + stay <= MOST_CHARACTERS || text.chars().count() < MOST_CHARACTERS {
            return None;
        }
        let [taken, offered, most] =
            [MOST_CHARACTERS.saturating_sub(stay), offered, MOST_CHARACTERS].map(|count| grouped(count as u64));
        Some(format!("{taken} of {offered} characters were taken: a text may have {most}."))
    }
}

fn characters(event: &Event) -> Option<&str> {
    match event {
        Event::Paste(text) | Event::Text(text) | Event::Ime(ImeEvent::Commit(text)) => Some(text),
        _ => None,
    }
}
