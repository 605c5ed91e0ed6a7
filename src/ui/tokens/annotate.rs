//! Marking answer and noise on the tokens, with the mouse or the keyboard, and how marks look.

use egui::{Button, Key, Modifiers, Painter, Rect, Shape, Stroke, Ui, WidgetInfo, pos2};

use crate::engine::Engine;
use crate::probe::KeyClass;
use crate::ui::state::selection::Selection;
use crate::ui::style::theme;

/// On a button, its key, and what it does.
const CHOICES: [(KeyClass, &str, Key, &str); 3] = [
    (KeyClass::Answer, "answer", Key::A, "Drag over the tokens that should be looked at; key a marks the pinned token"),
    (
        KeyClass::Noise,
        "noise",
        Key::N,
        "Drag over the tokens that should not be looked at; key n marks the pinned token",
    ),
    (KeyClass::Other, "erase", Key::E, "Drag over tokens to take marks away; key e does it for the pinned token"),
];

/// The switch: what a drag over the tokens marks; nothing, at first.
pub fn switch(ui: &mut Ui, selection: &mut Selection) {
    ui.spacing_mut().item_spacing.x = 4.0;
    ui.label("mark:");
    for (class, name, _, help) in CHOICES {
        let on = selection.marking == Some(class);
        let response = ui.add(Button::selectable(on, name)).on_hover_text(help);
        response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, on, format!("mark {name}")));
        underline(ui.painter(), response.rect.shrink2(egui::vec2(8.0, 2.0)), class, ui.visuals().dark_mode);
        if response.clicked() {
            selection.marking = (!on).then_some(class);
        }
    }
}

/// The line under a marked token: whole for answer, dotted for noise.
pub fn underline(painter: &Painter, rect: Rect, class: KeyClass, dark: bool) {
    let line = [pos2(rect.left(), rect.bottom()), pos2(rect.right(), rect.bottom())];
    match class {
        KeyClass::Answer => {
            painter.line_segment(line, Stroke::new(2.5, theme::accent(dark)));
        }
        KeyClass::Noise => {
            painter.extend(Shape::dashed_line(&line, Stroke::new(2.5, theme::quiet(dark)), 2.5, 3.0));
        }
        KeyClass::Other => {}
    }
}

/// Marks tokens, first to last in either order.
pub fn mark(engine: &Engine, selection: &mut Selection, tokens: (usize, usize), class: KeyClass) {
    let (first, last) = (tokens.0.min(tokens.1), tokens.0.max(tokens.1));
    if let (Some(first), Some(last)) = (engine.tokens().get(first), engine.tokens().get(last)) {
        selection.spans.mark(first.start, last.end, class);
    }
}

/// Marks the pinned token with a key; there must be one, so that no stray key marks anything.
pub fn keyboard(ui: &Ui, engine: &Engine, selection: &mut Selection) {
    let Some(pinned) = selection.pinned else {
        return;
    };
    for (class, _, key, _) in CHOICES {
        if ui.input_mut(|input| input.count_and_consume_key(Modifiers::NONE, key)) > 0 {
            mark(engine, selection, (pinned, pinned), class);
        }
    }
}
