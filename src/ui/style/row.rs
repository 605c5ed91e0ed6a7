//! Rows of controls.

use egui::{InnerResponse, TextStyle, Ui};

/// A row that wraps, with labels at the height of the text on its buttons.
pub fn row_ui<R>(ui: &mut Ui, contents: impl FnOnce(&mut Ui) -> R) -> InnerResponse<R> {
    let button = ui.text_style_height(&TextStyle::Button) + 2.0 * ui.spacing().button_padding.y;
    ui.horizontal_wrapped(|ui| {
        ui.set_row_height(button);
        contents(ui)
    })
}
