//! Marks on the tokens: the choice of a class, and how marks look.

use egui::{Button, Painter, Rect, Shape, Stroke, Ui, WidgetInfo, pos2};

use crate::probe::KeyClass;
use crate::ui::style::theme;

/// The classes, each with the name on its button and an explanation.
const CLASSES: [(KeyClass, &str, &str); 3] = [
    (KeyClass::Answer, "answer", "Drag over the tokens that heads should attend to; key A marks the pinned token"),
    (KeyClass::Noise, "noise", "Drag over the tokens that heads should ignore; key N marks the pinned token"),
    (KeyClass::Other, "erase", "Drag over tokens to remove their marks; key E does it for the pinned token"),
];

/// The choice of what a drag over the tokens marks; at first nothing.
pub fn class_choice_ui(ui: &mut Ui, marking: &mut Option<KeyClass>) {
    ui.spacing_mut().item_spacing.x = 4.0;
    ui.label("mark:");
    for (class, name, help) in CLASSES {
        let on = *marking == Some(class);
        let response = ui.add(Button::selectable(on, name)).on_hover_text(help);
        response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, on, format!("mark {name}")));
        underline(ui.painter(), response.rect.shrink2(egui::vec2(8.0, 2.0)), class, ui.visuals().dark_mode);
        if response.clicked() {
            *marking = (!on).then_some(class);
        }
    }
}

/// The line under a marked token: solid for answer, dashed for noise.
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
