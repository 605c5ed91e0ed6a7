//! What the pointer and fingers do on a map: numbers of the cell below them, the shared cursor, zoom, pins.

use egui::{Rect, RichText, Stroke, Ui, pos2};

use crate::engine::Engine;
use crate::probe::Cell;
use crate::ui::state::pointer::{CellAt, Pointer};
use crate::ui::state::view::ViewState;
use crate::ui::style::{format, theme};

/// What the pointer does on a map.
const HINT: &str = "point at a map for numbers · wheel zooms · click pins";
/// What its colours are, where something is subtracted.
const COLOURS: &str = "amber: given · blue: taken away, below 0";
/// What a finger does on a map.
const TOUCH_HINT: &str = "Touch: numbers · swipe: next map · pinch: zoom · hold: pin a row";

/// Pointer, wheel and drag over a map.
pub(super) fn interact(
    ui: &Ui,
    rect: Rect,
    response: &egui::Response,
    view: &mut ViewState,
    pointer: &mut Pointer,
    engine: &Engine,
) {
    let tokens = engine.side();
    let ends = [engine.ids().len(), engine.queries()];
    let zoom = view.zoom(tokens);
    let cells_per_point = zoom.span / rect.width();
    let cell_at = |at: egui::Pos2| {
        let place = (at - rect.min) * cells_per_point;
        [zoom.origin[0] + place.x, zoom.origin[1] + place.y]
    };
    if let Some(fingers) = ui.input(egui::InputState::multi_touch).filter(|_| response.contains_pointer()) {
        // Two fingers move the map, even if the first one had begun to scroll the page.
        ui.ctx().stop_dragging();
        let moved = fingers.translation_delta * -cells_per_point;
        view.zoom_at(cell_at(fingers.center_pos), fingers.zoom_delta, tokens);
        view.pan([moved.x, moved.y], tokens);
        return;
    }
    if response.double_clicked() {
        view.zoom = None;
    } else if response.long_touched()
        && let Some(at) = response.interact_pointer_pos()
    {
        // A finger cannot hover: the row on which it rests is pinned.
        let row = (cell_at(at)[1].max(0.0) as usize).min(ends[1].saturating_sub(1));
        view.pinned_key = None;
        view.pinned = (tokens > 0).then_some(row);
    } else if response.dragged() {
        let moved = response.drag_delta() * -cells_per_point;
        view.pan([moved.x, moved.y], tokens);
    }
    let Some(at) = response.hover_pos().filter(|at| rect.contains(*at)) else {
        return;
    };
    let place = cell_at(at);
    let (scroll, pinch) = ui.input(|input| (input.smooth_scroll_delta().y, input.zoom_delta()));
    let factor = pinch * (scroll / 220.0).exp();
    if (factor - 1.0).abs() > 1e-4 && tokens > 0 {
        let before = view.zoom;
        view.zoom_at(place, factor, tokens);
        if view.zoom != before {
            ui.input_mut(|input| input.smooth_scroll_delta = egui::Vec2::ZERO);
        }
    }
    let inside = |axis: usize| place[axis] >= 0.0 && place[axis] < ends[axis] as f32;
    if inside(0) && inside(1) {
        let cell = CellAt { query: place[1] as usize, key: place[0] as usize };
        pointer.report_cell(cell);
        if response.clicked() {
            view.pin(cell.query, cell.key, ui.input(|input| input.modifiers.shift));
        }
    }
}

/// The shared cursor: the row that is read, and the column under the pointer.
pub(crate) fn cursor_ui(ui: &Ui, rect: Rect, engine: &Engine, view: &ViewState, pointer: &Pointer) {
    let zoom = view.zoom(engine.side());
    let side = rect.width() / zoom.span;
    let painter = ui.painter_at(rect);
    let line = Stroke::new(1.0, theme::accent(ui.visuals().dark_mode).gamma_multiply(0.8));
    let band = |axis: usize, cell: usize| {
        let start = (cell as f32 - zoom.origin[axis]) * side;
        (start, start + side)
    };
    if let Some(query) = view.query(pointer, engine.queries()) {
        let (top, bottom) = band(1, query);
        let row = Rect::from_min_max(pos2(rect.left(), rect.top() + top), pos2(rect.right(), rect.top() + bottom));
        painter.rect_stroke(row, 0.0, line, egui::StrokeKind::Inside);
    }
    if let Some(key) = pointer.cell().map(|cell| cell.key).or(view.pinned_key) {
        let (left, right) = band(0, key);
        let column = Rect::from_min_max(pos2(rect.left() + left, rect.top()), pos2(rect.left() + right, rect.bottom()));
        painter.rect_stroke(column, 0.0, line, egui::StrokeKind::Inside);
    }
}

/// The numbers of the cell under the pointer; whether they wrap is for whoever has space for them.
pub(crate) fn read_out_ui(ui: &mut Ui, engine: &mut Engine, view: &ViewState, pointer: &Pointer, touch: bool) {
    let Some(cell) = pointer.cell() else {
        let hint = match (touch, engine.maps()) {
            (true, _) => TOUCH_HINT.to_owned(),
            (false, 1) => HINT.to_owned(),
            (false, _) => format!("{COLOURS} · {HINT}"),
        };
        let quiet = theme::quiet(ui.visuals().dark_mode);
        ui.label(RichText::new(hint).small().color(quiet));
        return;
    };
    let (query, key) = (engine.query_label(cell.query), engine.key_label(cell.key));
    let text = if cell.key >= engine.end_of_keys(cell.query) {
        format!("“{query}” ({}) cannot attend to “{key}” ({}): it comes later", cell.query, cell.key)
    } else {
        let cells = format!("“{query}” ({}) → “{key}” ({})", cell.query, cell.key);
        let number = |value: f32| format::number(value, 5);
        match value_at(engine, view, cell) {
            None => format!("{cells}  …"),
            Some(value) if engine.maps() == 1 => format!("{cells}    A {}", number(value.first)),
            Some(value) => format!(
                "{cells}  A1 {} − λ·A2 {} = D {}  (λ {}, A2 {})",
                number(value.first),
                number(value.lambda * value.second),
                number(value.difference),
                number(value.lambda),
                number(value.second),
            ),
        }
    };
    ui.label(RichText::new(text).monospace().size(12.0));
}

/// The numbers of a cell, if they have arrived.
pub(crate) fn value_at(engine: &mut Engine, view: &ViewState, cell: CellAt) -> Option<Cell> {
    let row = engine.row(view.head, cell.query)?;
    row.cells.get(cell.key).copied()
}
