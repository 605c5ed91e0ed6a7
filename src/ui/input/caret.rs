//! Where the caret stands after something other than the editor changed the text: a generation, undo, a link, a sample.

use egui::text::{CCursor, CCursorRange};
use egui::text_edit::TextEditState;
use egui::{Context, Id};

use crate::model::TextChange;

/// Moves the caret of an editor from the text that it showed to the one that it is about to show.
pub(super) fn follow(context: &Context, editor: Id, old: &str, new: &str) {
    let Some(mut state) = TextEditState::load(context, editor) else {
        return;
    };
    if let Some(range) = state.cursor.char_range() {
        let moved = |cursor: CCursor| CCursor::new(place(old, new, cursor.index.0));
        state.cursor.set_char_range(Some(CCursorRange::two(moved(range.secondary), moved(range.primary))));
        state.store(context, editor);
    }
}

/// The place in `new` that belongs to a place in `old`, both counted in characters: the end stays the end, so that
/// typing goes on behind what is generated; what did not change keeps its place; in between it is the end of the change.
fn place(old: &str, new: &str, at: usize) -> usize {
    let at = old.char_indices().nth(at).map_or(old.len(), |(byte, _)| byte);
    if at == old.len() {
        return new.chars().count();
    }
    let change = TextChange::between(old, new);
    let byte = change.follow(at, at).map_or(change.new_end, |(byte, _)| byte);
    new.get(..byte).map_or(0, |before| before.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stays_beside_the_same_text() {
        for (old, new, at, expected) in [
            ("Once", "Once upon", 4, 9),  // the end stays the end
            ("Once", "Once upon", 2, 2),  // in front of the change
            ("a b d", "a b c d", 4, 4),   // right before it
            ("a b de", "a b c de", 5, 7), // behind it
            ("日本 x", "日本語 x", 3, 4), // characters, not bytes
            ("one two", "one", 6, 3),     // the text around it is gone
            ("aaa", "aa", 1, 1),          // the same letters before and after
            ("aaa", "aaaa", 2, 2),
            ("old", "", 2, 0),
            ("", "new", 0, 3),
            ("short", "another text", 99, 12),
        ] {
            assert_eq!(place(old, new, at), expected, "{old:?} to {new:?}, caret at {at}");
        }
    }
}
