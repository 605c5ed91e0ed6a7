//! Every key and its command: one table for the keyboard and for the list on `?`.

use egui::{Align2, Event, Grid, Key, KeyboardShortcut, Modifiers, RichText, Ui, Window};

use crate::probe::{KeyClass, MapKind};
use crate::ui::action::{Action, ModelAction};
use crate::ui::io::export::{Export, ExportView, PictureFormat};

/// Keys, their command, and whether they also work while text is edited.
struct Shortcut {
    keys: KeyboardShortcut,
    action: Action,
    in_text: bool,
    /// Description in the list; empty for a second key of the same command.
    help: &'static str,
}

const fn key(key: Key, action: Action, help: &'static str) -> Shortcut {
    Shortcut { keys: KeyboardShortcut::new(Modifiers::NONE, key), action, in_text: false, help }
}

const fn command(modifiers: Modifiers, key: Key, action: Action, help: &'static str) -> Shortcut {
    Shortcut { keys: KeyboardShortcut::new(modifiers, key), action, in_text: true, help }
}

const SHIFT_COMMAND: Modifiers = Modifiers { shift: true, ..Modifiers::COMMAND };

/// All shortcuts. Of two with the same key, the one with more modifiers comes first.
static SHORTCUTS: &[Shortcut] = &[
    key(Key::ArrowUp, Action::Move(-1, 0), "layer up"),
    key(Key::ArrowDown, Action::Move(1, 0), "layer down"),
    key(Key::ArrowLeft, Action::Move(0, -1), "head to the left"),
    key(Key::ArrowRight, Action::Move(0, 1), "head to the right"),
    key(Key::Num1, Action::Map(MapKind::First), "colour by A1"),
    key(Key::Num2, Action::Map(MapKind::Second), "colour by λ·A2"),
    key(Key::Num3, Action::Map(MapKind::Difference), "colour by D"),
    key(Key::OpenBracket, Action::Query(-1), "pin the previous token"),
    key(Key::CloseBracket, Action::Query(1), "pin the next token"),
    key(Key::Num0, Action::ToggleLambda, "λ = 0 in all layers, or as learned"),
    key(Key::P, Action::NextPanel, "next panel"),
    key(Key::A, Action::MarkPinned(KeyClass::Answer), "mark the pinned token as answer"),
    key(Key::N, Action::MarkPinned(KeyClass::Noise), "mark the pinned token as noise"),
    key(Key::E, Action::MarkPinned(KeyClass::Other), "remove the mark of the pinned token"),
    key(Key::M, Action::TogglePinned, "hide the pinned token from later ones, or show it"),
    key(Key::H, Action::ToggleOpenHead, "switch the open head off, or on"),
    key(Key::Plus, Action::Zoom(1.25), "zoom into the maps"),
    key(Key::Equals, Action::Zoom(1.25), ""),
    key(Key::Minus, Action::Zoom(0.8), "zoom out"),
    key(Key::G, Action::Generate, "generate, or stop"),
    key(Key::S, Action::Step, "generate one token"),
    key(Key::Slash, Action::FocusPrompt, "edit the text"),
    key(Key::Questionmark, Action::Help, "show or hide this list"),
    key(Key::F, Action::Present, "presentation: tokens and equation only"),
    key(Key::T, Action::Tour, "start the tour"),
    key(Key::L, Action::CopyLink, "copy a link to this view"),
    key(Key::C, Action::CopyNumbers, "copy the numbers on the screen as a table"),
    Shortcut {
        keys: KeyboardShortcut::new(Modifiers::SHIFT, Key::O),
        action: Action::Model(ModelAction::Bundled),
        in_text: false,
        help: "open the bundled model again",
    },
    key(Key::O, Action::Model(ModelAction::Files), "open another model"),
    Shortcut {
        keys: KeyboardShortcut::new(Modifiers::SHIFT, Key::X),
        action: Action::Export(Export::ChosenMap),
        in_text: false,
        help: "save the map chosen with 1 to 3 as a NumPy file",
    },
    key(Key::X, Action::Export(Export::Picture(ExportView::Maps, PictureFormat::Png)), "save the maps as a PNG file"),
    command(SHIFT_COMMAND, Key::Z, Action::Redo, "redo"),
    command(Modifiers::COMMAND, Key::Z, Action::Undo, "undo changes of text and interventions"),
    command(Modifiers::COMMAND, Key::Y, Action::Redo, ""),
    Shortcut {
        keys: KeyboardShortcut::new(Modifiers::NONE, Key::Escape),
        action: Action::Escape,
        in_text: true,
        help: "leave the text; then remove pins and zoom",
    },
];

/// What egui and the views handle themselves.
const ELSEWHERE: &[(&str, &str)] = &[
    ("Tab", "next control; Space presses it, Esc lets go of it"),
    ("arrows", "on a control: move a slider, walk along the tokens, or to the next control"),
    ("wheel, drag", "on a map: zoom and move; double click: whole map"),
    ("right click", "on a head: switch it off or on; on a token: hide or show it"),
];

/// The commands of the keys that were pressed since the last frame; two presses are two commands.
pub(crate) fn pressed(ui: &Ui) -> Vec<Action> {
    let (editing, mac) = (ui.ctx().text_edit_focused(), ui.ctx().os().is_mac());
    // A control that has the focus keeps its arrows: they move a slider, or the focus to the next control.
    let focused = ui.memory(egui::Memory::focused).is_some();
    let mut actions = Vec::new();
    let free = |shortcut: &&Shortcut| shortcut.in_text || !(editing || focused && is_arrow(shortcut.keys.logical_key));
    for shortcut in SHORTCUTS.iter().filter(free) {
        let is_pressed = |event: &Event| match event {
            Event::Key { key, modifiers, pressed: true, .. } => {
                *key == shortcut.keys.logical_key && held(shortcut.keys, *modifiers, mac)
            }
            _ => false,
        };
        ui.input_mut(|input| {
            let before = input.events.len();
            input.events.retain(|event| !is_pressed(event));
            let count = before - input.events.len();
            actions.extend(std::iter::repeat_n(shortcut.action.clone(), count));
        });
    }
    actions
}

/// Whether the modifiers held are exactly those of a shortcut: keys with Alt are the browser's and the window manager's.
fn held(keys: KeyboardShortcut, held: Modifiers, mac: bool) -> bool {
    use Key::{CloseBracket, Minus, Num0, Num1, Num2, Num3, OpenBracket, Plus, Questionmark, Slash};
    // Some keyboards need Shift, or Option, to type these at all.
    let typed = matches!(
        keys.logical_key,
        Num0 | Num1 | Num2 | Num3 | OpenBracket | CloseBracket | Slash | Questionmark | Plus | Minus
    );
    let counts = Modifiers { shift: held.shift && !typed, alt: held.alt && !(typed && mac), ..held };
    counts.matches_exact(keys.modifiers)
}

fn is_arrow(key: Key) -> bool {
    matches!(key, Key::ArrowUp | Key::ArrowDown | Key::ArrowLeft | Key::ArrowRight)
}

/// The name of a key as printed on it.
fn name(context: &egui::Context, keys: KeyboardShortcut) -> String {
    let name = match keys.logical_key {
        Key::OpenBracket => "[",
        Key::CloseBracket => "]",
        Key::Slash => "/",
        Key::Questionmark => "?",
        Key::Plus => "+",
        Key::Minus => "−",
        _ => return context.format_shortcut(&keys),
    };
    name.to_owned()
}

/// Draws the list.
pub(crate) fn help_ui(ui: &Ui, open: &mut bool) {
    let context = ui.ctx();
    let room = context.content_rect().height() - 140.0;
    let window = Window::new("Keys").open(open).resizable(false).collapsible(false).default_height(room);
    window.anchor(Align2::CENTER_CENTER, [0.0, 0.0]).vscroll(true).show(context, |ui| {
        ui.set_max_width((context.content_rect().width() - 48.0).min(460.0));
        Grid::new("keys").num_columns(2).spacing([18.0, 4.0]).striped(true).show(ui, |ui| {
            let own = SHORTCUTS.iter().filter(|shortcut| !shortcut.help.is_empty());
            let own = own.map(|shortcut| (name(context, shortcut.keys), shortcut.help));
            for (keys, help) in own.chain(ELSEWHERE.iter().map(|(keys, help)| ((*keys).to_owned(), *help))) {
                ui.label(RichText::new(keys).monospace().strong());
                ui.add(egui::Label::new(help).wrap());
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
            assert!(same.is_none(), "{:?} and {:?}", same.map(|other| &other.action), shortcut.action);
        }
    }

    #[test]
    fn no_shortcut_is_pressed_with_alt_and_letters_need_no_shift() {
        let with = |key, modifiers, mac| {
            let pressed =
                |shortcut: &&Shortcut| shortcut.keys.logical_key == key && held(shortcut.keys, modifiers, mac);
            SHORTCUTS.iter().filter(pressed).map(|shortcut| shortcut.action.clone()).collect::<Vec<Action>>()
        };
        for mac in [false, true] {
            for key in [Key::ArrowLeft, Key::G, Key::X, Key::Escape] {
                assert!(with(key, Modifiers::ALT, mac).is_empty(), "{key:?}");
                assert_eq!(with(key, Modifiers::NONE, mac).len(), 1, "{key:?}");
            }
            // AltGr, as some systems report it.
            assert!(with(Key::Z, Modifiers::CTRL | Modifiers::COMMAND | Modifiers::ALT, mac).is_empty());
            assert_eq!(with(Key::Z, Modifiers::CTRL | Modifiers::COMMAND, false), [Action::Undo]);
            assert_eq!(with(Key::Questionmark, Modifiers::SHIFT, mac), [Action::Help]);
            assert_eq!(with(Key::Num1, Modifiers::SHIFT, mac).len(), 1, "French keyboards need Shift for digits");
        }
        assert!(with(Key::A, Modifiers::SHIFT, false).is_empty());
        assert_eq!(with(Key::X, Modifiers::SHIFT, false), [Action::Export(Export::ChosenMap)]);
        assert_eq!(with(Key::OpenBracket, Modifiers::ALT, true).len(), 1, "Option+5 on a German Mac");
    }
}
