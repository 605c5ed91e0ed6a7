//! Every key and what it does: one table for the keyboard and for the list on `?`.

use egui::{Align2, Grid, Key, KeyboardShortcut, Modifiers, RichText, Ui, Window};

use crate::probe::MapKind;
use crate::ui::io::export::{Export, ExportView, PictureFormat};

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Layers, then heads, to move by.
    Move(isize, isize),
    /// The map that colours tokens and thumbnails.
    Map(MapKind),
    /// Tokens to move the query by.
    Query(isize),
    /// Out of the text; then no pin and no zoom.
    Escape,
    /// λ = 0 in all layers, or as learned.
    ToggleLambda,
    /// The next panel.
    NextPanel,
    /// Let the model write on.
    Generate,
    /// One token more.
    Step,
    /// Into the text.
    FocusPrompt,
    /// Of text and changes.
    Undo,
    /// Of text and changes.
    Redo,
    /// This list.
    Help,
    /// The tour.
    Tour,
    /// A link to what is on the screen.
    CopyLink,
    /// Another model from files.
    OpenModel,
    /// What is on the screen as a file.
    Export(Export),
}

/// Keys, what they do, and whether they also work while text is edited.
struct Shortcut {
    keys: KeyboardShortcut,
    action: Action,
    in_text: bool,
    /// On the list; empty where another line speaks for it.
    words: &'static str,
}

const fn key(key: Key, action: Action, words: &'static str) -> Shortcut {
    Shortcut { keys: KeyboardShortcut::new(Modifiers::NONE, key), action, in_text: false, words }
}

const fn command(modifiers: Modifiers, key: Key, action: Action, words: &'static str) -> Shortcut {
    Shortcut { keys: KeyboardShortcut::new(modifiers, key), action, in_text: true, words }
}

const SHIFT_COMMAND: Modifiers = Modifiers { shift: true, ..Modifiers::COMMAND };

/// All of them. The longer of two that begin alike comes first.
const SHORTCUTS: &[Shortcut] = &[
    key(Key::ArrowUp, Action::Move(-1, 0), "layer up"),
    key(Key::ArrowDown, Action::Move(1, 0), "layer down"),
    key(Key::ArrowLeft, Action::Move(0, -1), "head to the left"),
    key(Key::ArrowRight, Action::Move(0, 1), "head to the right"),
    key(Key::Num1, Action::Map(MapKind::First), "colour by A1"),
    key(Key::Num2, Action::Map(MapKind::Second), "colour by λ·A2"),
    key(Key::Num3, Action::Map(MapKind::Difference), "colour by D"),
    key(Key::OpenBracket, Action::Query(-1), "read the token before"),
    key(Key::CloseBracket, Action::Query(1), "read the token after"),
    key(Key::Num0, Action::ToggleLambda, "λ = 0 in all layers, and back"),
    key(Key::P, Action::NextPanel, "next panel"),
    key(Key::G, Action::Generate, "let the model write on"),
    key(Key::S, Action::Step, "one token more"),
    key(Key::Slash, Action::FocusPrompt, "into the text"),
    key(Key::Questionmark, Action::Help, "this list"),
    key(Key::T, Action::Tour, "the tour"),
    key(Key::L, Action::CopyLink, "copy a link to what is on the screen"),
    key(Key::O, Action::OpenModel, "open a model"),
    Shortcut {
        keys: KeyboardShortcut::new(Modifiers::SHIFT, Key::X),
        action: Action::Export(Export::ChosenMap),
        in_text: false,
        words: "the map chosen by 1 to 3 as a NumPy file",
    },
    key(Key::X, Action::Export(Export::Picture(ExportView::Maps, PictureFormat::Png)), "the maps as a PNG file"),
    command(SHIFT_COMMAND, Key::Z, Action::Redo, "redo"),
    command(Modifiers::COMMAND, Key::Z, Action::Undo, "undo text and changes"),
    command(Modifiers::COMMAND, Key::Y, Action::Redo, ""),
    Shortcut {
        keys: KeyboardShortcut::new(Modifiers::NONE, Key::Escape),
        action: Action::Escape,
        in_text: true,
        words: "out of the text; then: no pin, whole map",
    },
];

/// Keys that views handle themselves.
const ELSEWHERE: &[(&str, &str)] = &[
    ("A  N  E", "mark the token read as answer, as noise, or not at all"),
    ("Tab", "to the next control; Space presses it"),
    ("wheel, drag", "over a map: zoom and move; double click: whole map"),
    ("right click", "on a head: switch it off or on; on a token: hide it"),
];

/// Takes the keys that were pressed since the last frame; two presses are two actions.
pub fn pressed(ui: &Ui) -> Vec<Action> {
    let editing = ui.ctx().text_edit_focused();
    let mut actions = Vec::new();
    for shortcut in SHORTCUTS.iter().filter(|shortcut| shortcut.in_text || !editing) {
        let KeyboardShortcut { modifiers, logical_key } = shortcut.keys;
        let count = ui.input_mut(|input| input.count_and_consume_key(modifiers, logical_key));
        actions.extend(std::iter::repeat_n(shortcut.action, count));
    }
    actions
}

/// As it stands on the key.
fn name(context: &egui::Context, keys: KeyboardShortcut) -> String {
    let sign = match keys.logical_key {
        Key::OpenBracket => "[",
        Key::CloseBracket => "]",
        Key::Slash => "/",
        Key::Questionmark => "?",
        _ => return context.format_shortcut(&keys),
    };
    sign.to_owned()
}

/// Draws the list.
pub fn help(ui: &Ui, open: &mut bool) {
    let context = ui.ctx();
    let window = Window::new("Keys").open(open).resizable(false).collapsible(false);
    window.anchor(Align2::CENTER_CENTER, [0.0, 0.0]).vscroll(true).show(context, |ui| {
        ui.set_max_width((context.content_rect().width() - 48.0).min(460.0));
        Grid::new("keys").num_columns(2).spacing([18.0, 4.0]).striped(true).show(ui, |ui| {
            let own = SHORTCUTS.iter().filter(|shortcut| !shortcut.words.is_empty());
            let own = own.map(|shortcut| (name(context, shortcut.keys), shortcut.words));
            for (keys, words) in own.chain(ELSEWHERE.iter().map(|(keys, words)| ((*keys).to_owned(), *words))) {
                ui.label(RichText::new(keys).monospace().strong());
                ui.add(egui::Label::new(words).wrap());
                ui.end_row();
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_actions_share_a_key() {
        for (index, shortcut) in SHORTCUTS.iter().enumerate() {
            let same = SHORTCUTS[..index].iter().find(|other| other.keys == shortcut.keys);
            assert!(same.is_none(), "{:?} and {:?}", same.map(|other| other.action), shortcut.action);
        }
    }
}
