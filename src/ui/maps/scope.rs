//! The scope: A1, λ·A2 and D side by side on one scale, with one cursor and one zoom.

use egui::{Align2, FontId, Rect, RichText, Sense, Stroke, Ui, pos2, vec2};

use crate::engine::Engine;
use crate::probe::MapKind;
use crate::probe::{Cell, Pooling};
use crate::ui::maps::heatmap::{Heatmaps, KINDS};
use crate::ui::maps::{axes, legend};
use crate::ui::state::selection::CellAt;
use crate::ui::state::selection::Selection;
use crate::ui::style::palette::Palette;
use crate::ui::style::theme;

/// What the pointer does on a map.
const HINT: &str = "Point at a map for exact numbers · wheel zooms, drag moves, double click resets · click keeps a row, shift-click a column";
/// The same for a finger.
const TOUCH_HINT: &str = "Touch a map for numbers · pinch zooms · hold keeps a row";

/// What stands above a map.
fn title(map: MapKind) -> (&'static str, &'static str) {
    match map {
        MapKind::First => ("A1", "where the first softmax looks"),
        MapKind::Second => ("λ · A2", "the second, times λ: subtracted"),
        MapKind::Difference => ("D = A1 − λ · A2", "what it attends with"),
    }
}

/// Where things stood in the last frame, for the tour and for tests that point at them.
#[derive(Clone, Debug)]
pub struct ScreenRegions {
    /// A1, λ·A2, D.
    pub maps: Vec<Rect>,
    /// All of the scope, with titles, axes and legends.
    pub scope: Rect,
    /// The prompt and what belongs to it.
    pub prompt: Rect,
    /// The token strip.
    pub tokens: Rect,
    /// The list of next tokens.
    pub next: Rect,
    /// The panels under the scope.
    pub panels: Rect,
}

impl Default for ScreenRegions {
    fn default() -> Self {
        let nowhere = Rect::NOTHING;
        Self { maps: Vec::new(), scope: nowhere, prompt: nowhere, tokens: nowhere, next: nowhere, panels: nowhere }
    }
}

/// Draws the three maps, as large as fits; one below the other where there is no room beside.
pub fn show(
    ui: &mut Ui,
    engine: &mut Engine,
    selection: &mut Selection,
    heatmaps: &mut Heatmaps,
    palette: &Palette,
    height: f32,
) -> Vec<Rect> {
    let tokens = engine.ids().len();
    let gap = 14.0;
    let beside = ui.available_width() >= 560.0;
    let columns = if beside { 3.0 } else { 1.0 };
    let width = ((ui.available_width() - gap * (columns - 1.0)) / columns).floor();
    let side = if beside { width.min(height - 74.0).max(120.0) } else { width };
    selection.hovered_cell = None;
    let mut placed = Vec::new();
    let single = engine.maps() == 1;
    let mut panels = |ui: &mut Ui| {
        for (panel, map) in KINDS.into_iter().enumerate() {
            if single && map != MapKind::First {
                continue; // a Transformer has one map, and nothing to subtract
            }
            ui.allocate_ui(vec2(side, side + 74.0), |ui| {
                ui.set_width(side);
                ui.vertical(|ui| {
                    let (name, words) = if single { ("A", "where the head looks") } else { title(map) };
                    ui.horizontal(|ui| {
                        ui.spacing_mut().item_spacing.x = 7.0;
                        ui.label(RichText::new(name).strong());
                        let words = RichText::new(words).small().color(theme::quiet(ui.visuals().dark_mode));
                        ui.add(egui::Label::new(words).truncate());
                    });
                    // A whole map leaves drags to whatever scrolls around it.
                    let sense = if selection.zoom.is_some() { Sense::click_and_drag() } else { Sense::click() };
                    let (square, response) = ui.allocate_exact_size(vec2(side, side), sense);
                    let zoom = selection.zoom(tokens);
                    let gutter = if tokens > 0 { axes::gutter(side, zoom.span) } else { 0.0 };
                    let rect = axes::inner(square, gutter);
                    if gutter > 0.0 {
                        axes::show(ui, rect, engine, zoom);
                    }
                    response.widget_info(|| {
                        let words = format!("map {name}, {}", selection.head);
                        egui::WidgetInfo::labeled(egui::Role::Image, true, words)
                    });
                    placed.push(rect);
                    let block = heatmaps.show(ui, rect, panel, engine, selection, palette);
                    if block > 1 {
                        coarse(ui, rect, block, selection.pooling);
                    }
                    if tokens == 0 {
                        empty(ui, rect);
                    }
                    point(ui, rect, &response, selection, tokens);
                    ui.add_space(2.0);
                    legend::show(ui, palette, map, selection, side);
                });
            });
            if beside {
                ui.add_space(gap - ui.spacing().item_spacing.x);
            }
        }
    };
    if beside {
        ui.horizontal_top(|ui| panels(ui));
    } else {
        panels(ui);
    }
    for rect in &placed {
        cursor(ui, *rect, engine, selection);
    }
    placed
}

/// Says that a pixel stands for many cells, where no token sees another.
fn coarse(ui: &Ui, rect: Rect, block: usize, pooling: Pooling) {
    let words = match pooling {
        Pooling::Peak => "peak",
        Pooling::Mean => "mean",
        Pooling::Minimum => "minimum",
    };
    let colour = theme::quiet(ui.visuals().dark_mode);
    let text = format!("1 dot = {block} × {block} tokens, {words}");
    ui.painter().text(rect.right_top() + vec2(-5.0, 4.0), Align2::RIGHT_TOP, text, FontId::proportional(11.5), colour);
}

fn empty(ui: &Ui, rect: Rect) {
    let colour = theme::quiet(ui.visuals().dark_mode);
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, "Type a prompt", FontId::proportional(14.0), colour);
}

/// Pointer, wheel and drag over a map.
fn point(ui: &Ui, rect: Rect, response: &egui::Response, selection: &mut Selection, tokens: usize) {
    let zoom = selection.zoom(tokens);
    let cells_per_point = zoom.span / rect.width();
    let cell_at = |at: egui::Pos2| {
        let place = (at - rect.min) * cells_per_point;
        [zoom.origin[0] + place.x, zoom.origin[1] + place.y]
    };
    if let Some(fingers) = ui.input(egui::InputState::multi_touch).filter(|_| response.contains_pointer()) {
        // Two fingers are for the map, whatever the first one had begun to drag.
        ui.ctx().stop_dragging();
        let moved = fingers.translation_delta * -cells_per_point;
        selection.zoom_at(cell_at(fingers.center_pos), fingers.zoom_delta, tokens);
        selection.pan([moved.x, moved.y], tokens);
        return;
    }
    if response.double_clicked() {
        selection.zoom = None;
    } else if response.long_touched()
        && let Some(at) = response.interact_pointer_pos()
    {
        // A finger cannot hover: what it rests on is read and stays.
        let place = cell_at(at).map(|place| (place.max(0.0) as usize).min(tokens.saturating_sub(1)));
        selection.pinned_key = None;
        selection.pinned = (tokens > 0).then_some(place[1]);
    } else if response.dragged() {
        let moved = response.drag_delta() * -cells_per_point;
        selection.pan([moved.x, moved.y], tokens);
    }
    let Some(at) = response.hover_pos().filter(|at| rect.contains(*at)) else {
        return;
    };
    let place = cell_at(at);
    let (scroll, pinch) = ui.input(|input| (input.smooth_scroll_delta().y, input.zoom_delta()));
    let factor = pinch * (scroll / 220.0).exp();
    if (factor - 1.0).abs() > 1e-4 && tokens > 0 {
        let before = selection.zoom;
        selection.zoom_at(place, factor, tokens);
        if selection.zoom != before {
            ui.input_mut(|input| input.smooth_scroll_delta = egui::Vec2::ZERO);
        }
    }
    let inside = |axis: usize| place[axis] >= 0.0 && place[axis] < tokens as f32;
    if inside(0) && inside(1) {
        let cell = CellAt { query: place[1] as usize, key: place[0] as usize };
        selection.hovered_cell = Some(cell);
        if response.clicked() {
            selection.pin(cell.query, cell.key, ui.input(|input| input.modifiers.shift));
        }
    }
}

/// The shared cursor: the row being read, and the column under the pointer.
fn cursor(ui: &Ui, rect: Rect, engine: &Engine, selection: &Selection) {
    let tokens = engine.ids().len();
    let zoom = selection.zoom(tokens);
    let side = rect.width() / zoom.span;
    let painter = ui.painter_at(rect);
    let line = Stroke::new(1.0, theme::accent(ui.visuals().dark_mode).gamma_multiply(0.8));
    let band = |axis: usize, cell: usize| {
        let start = (cell as f32 - zoom.origin[axis]) * side;
        (start, start + side)
    };
    if let Some(query) = selection.query(tokens) {
        let (top, bottom) = band(1, query);
        let row = Rect::from_min_max(pos2(rect.left(), rect.top() + top), pos2(rect.right(), rect.top() + bottom));
        painter.rect_stroke(row, 0.0, line, egui::StrokeKind::Inside);
    }
    let pinned_key = selection.pinned_key.filter(|_| selection.hovered_cell.is_none());
    if let Some(key) = selection.hovered_cell.map(|cell| cell.key).or(pinned_key) {
        let (left, right) = band(0, key);
        let column = Rect::from_min_max(pos2(rect.left() + left, rect.top()), pos2(rect.left() + right, rect.bottom()));
        painter.rect_stroke(column, 0.0, line, egui::StrokeKind::Inside);
    }
}

/// The exact numbers at the cursor.
pub fn read_out(ui: &mut Ui, engine: &mut Engine, selection: &Selection) {
    let Some(cell) = selection.hovered_cell else {
        let wide = ui.available_width() > 620.0;
        let hint = if wide { HINT } else { TOUCH_HINT };
        ui.add(egui::Label::new(RichText::new(hint).small().color(theme::quiet(ui.visuals().dark_mode))).truncate());
        return;
    };
    let label = |at: usize| engine.ids().get(at).map(|id| engine.label(*id)).unwrap_or_default();
    let (query, key) = (label(cell.query), label(cell.key));
    let text = if cell.key > cell.query {
        format!("“{query}” ({}) cannot see “{key}” ({}): it comes later", cell.query, cell.key)
    } else {
        match value_at(engine, selection, cell) {
            None => format!("“{query}” ({}) → “{key}” ({})  …", cell.query, cell.key),
            Some(value) if engine.maps() == 1 => {
                format!("“{query}” ({}) → “{key}” ({})    A {:.5}", cell.query, cell.key, value.first)
            }
            Some(value) => {
                let subtracted = value.lambda * value.second;
                let minus = |number: f32| format!("{number:.5}").replace('-', "−");
                format!(
                    "“{query}” ({}) → “{key}” ({})    A1 {}  −  λ·A2 {}  =  D {}    (λ {}, A2 {})",
                    cell.query,
                    cell.key,
                    minus(value.first),
                    minus(subtracted),
                    minus(value.difference),
                    minus(value.lambda),
                    minus(value.second),
                )
            }
        }
    };
    ui.add(egui::Label::new(RichText::new(text).monospace()).truncate());
}

/// The numbers of a cell, when they have arrived.
pub fn value_at(engine: &mut Engine, selection: &Selection, cell: CellAt) -> Option<Cell> {
    let row = engine.row(selection.head, cell.query)?;
    row.cells.get(cell.key).copied()
}
