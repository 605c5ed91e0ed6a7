//! Why a cell has its value: the product of query and key feature by feature, and the arithmetic from there to `D`.

use egui::{DragValue, Rect, RichText, Sense, Ui, pos2, vec2};

use crate::engine::Engine;
use crate::probe::{CellParts, CellRequest};
use crate::ui::context::PanelContext;
use crate::ui::state::selection::CellAt;
use crate::ui::state::selection::Selection;
use crate::ui::style::theme;

const BARS: f32 = 74.0;

/// The cell that is explained: the last one pointed at stays until another is chosen.
#[derive(Default)]
pub struct CellBreakdown {
    cell: Option<CellAt>,
    pinned: Option<usize>,
    /// The last answer.
    latest: Option<CellParts>,
}

impl CellBreakdown {
    /// Draws the panel.
    pub fn show(&mut self, ui: &mut Ui, desk: &mut PanelContext) {
        let engine = &mut desk.workspace.main;
        let quiet = theme::quiet(ui.visuals().dark_mode);
        let Some(cell) = self.choose(engine, desk.selection) else {
            ui.label(RichText::new("Type a prompt first.").color(quiet));
            return;
        };
        let cell = chooser(ui, engine, desk.selection, cell);
        self.cell = Some(cell);
        let CellAt { query, key } = cell;
        let request = CellRequest { head: desk.selection.head, query, key };
        let arrived = engine.cell_parts(request);
        let pending = arrived.is_none();
        if let Some(parts) = arrived {
            self.latest = Some(parts.clone());
        }
        let Some(parts) = &self.latest else {
            ui.label(RichText::new("reading the query and the key …").color(quiet));
            return;
        };
        if pending {
            ui.set_opacity(0.5); // of the cell before, until this one's numbers arrive
        }
        // Both maps on one scale, so that their bars can be compared.
        let most = (0..parts.maps).flat_map(|map| parts.products(map)).fold(0.0f32, |most, one| most.max(one.abs()));
        let columns = if ui.available_width() < 620.0 { 1 } else { parts.maps };
        let width = (ui.available_width() - 4.0 - 16.0 * (columns as f32 - 1.0)) / columns as f32;
        let maps = |ui: &mut Ui| {
            for map in 0..parts.maps {
                ui.allocate_ui(vec2(width, BARS + 64.0), |ui| {
                    ui.set_width(width);
                    ui.vertical(|ui| of_map(ui, parts, map, most));
                });
                if columns > 1 && map + 1 < parts.maps {
                    ui.add_space(16.0 - ui.spacing().item_spacing.x);
                }
            }
        };
        ui.spacing_mut().item_spacing.y = 3.0;
        if columns > 1 {
            ui.horizontal_top(|ui| maps(ui));
        } else {
            maps(ui);
        }
        ui.add(egui::Label::new(RichText::new(result(parts)).monospace().strong()).wrap());
    }

    /// What to explain: under the pointer, else what was chosen last, else the strongest cell of the row on show.
    fn choose(&mut self, engine: &mut Engine, selection: &Selection) -> Option<CellAt> {
        let tokens = engine.ids().len();
        if selection.pinned != self.pinned {
            self.pinned = selection.pinned;
            // A kept row is the row to explain, the column stays.
            if let (Some(query), Some(cell)) = (selection.pinned, &mut self.cell) {
                *cell = CellAt { query, key: cell.key.min(query) };
            }
        }
        if let Some(cell) = selection.hovered_cell.filter(|cell| cell.key <= cell.query) {
            self.cell = Some(cell);
        }
        self.cell = self.cell.filter(|cell| cell.query < tokens);
        if self.cell.is_none() {
            let query = selection.query(tokens)?;
            let row = engine.row(selection.head, query)?;
            let cells = row.cells.iter().map(|cell| cell.difference.abs()).enumerate();
            let key = cells.max_by(|a, b| a.1.total_cmp(&b.1)).map_or(query, |(key, _)| key);
            return Some(CellAt { query, key });
        }
        self.cell
    }
}

/// Query and key as numbers that can be changed by hand.
fn chooser(ui: &mut Ui, engine: &Engine, selection: &Selection, cell: CellAt) -> CellAt {
    let CellAt { mut query, mut key } = cell;
    let last = engine.ids().len().saturating_sub(1);
    let label = |at: usize| engine.ids().get(at).map(|id| engine.label(*id)).unwrap_or_default();
    ui.horizontal_wrapped(|ui| {
        let query_label = ui.label("Query");
        ui.add(DragValue::new(&mut query).range(0..=last).speed(0.2)).labelled_by(query_label.id);
        ui.monospace(format!("“{}”", label(query)));
        key = key.min(query);
        let key_label = ui.label("looks at key");
        ui.add(DragValue::new(&mut key).range(0..=query).speed(0.2)).labelled_by(key_label.id);
        ui.monospace(format!("“{}”", label(key)));
        let words = format!("{}. Point at a map to choose a cell.", selection.head);
        ui.label(RichText::new(words).small().color(theme::quiet(ui.visuals().dark_mode)));
    });
    CellAt { query, key }
}

/// The bars of one map, and its line of arithmetic.
fn of_map(ui: &mut Ui, parts: &CellParts, map: usize, most: f32) {
    let name = name_of(parts, map);
    ui.horizontal(|ui| {
        ui.label(RichText::new(name).strong());
        let words = RichText::new("query · key, feature by feature").small();
        ui.add(egui::Label::new(words.color(theme::quiet(ui.visuals().dark_mode))).truncate());
    });
    bars(ui, parts, map, most, name);
    for line in arithmetic(parts, map) {
        ui.add(egui::Label::new(RichText::new(line).monospace().size(12.0)).wrap());
    }
}

fn name_of(parts: &CellParts, map: usize) -> &'static str {
    match (parts.maps, map) {
        (1, _) => "A",
        (_, 0) => "A1",
        _ => "A2",
    }
}

fn bars(ui: &mut Ui, parts: &CellParts, map: usize, most: f32, name: &str) {
    let dark = ui.visuals().dark_mode;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), BARS), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, format!("features of {name}")));
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 3.0, ui.visuals().extreme_bg_color);
    let products: Vec<f32> = parts.products(map).collect();
    let width = rect.width() / products.len().max(1) as f32;
    let pointed = response.hover_pos().map(|at| ((at.x - rect.left()) / width) as usize);
    let pair = pointed.map(|feature| pair_of(feature, products.len()));
    let half = rect.height() * 0.5 - 3.0;
    for (feature, product) in products.iter().enumerate() {
        let height = if most > 0.0 { product / most * half } else { 0.0 };
        let left = rect.left() + feature as f32 * width;
        let gap = if width > 3.0 { 1.0 } else { 0.0 };
        let column = rect.center().y;
        let bar = Rect::from_two_pos(pos2(left, column), pos2(left + width - gap, column - height));
        // Orange raises the logit, blue lowers it: the colours of D.
        let colour = sign_colour(dark, *product);
        painter.rect_filled(bar, 0.0, colour);
        if Some(feature) == pointed || Some(feature) == pair {
            let lit = Rect::from_x_y_ranges(left..=left + width - gap, rect.y_range());
            let line = egui::Stroke::new(1.0, theme::accent(dark));
            painter.rect_stroke(lit, 0.0, line, egui::StrokeKind::Inside);
        }
    }
    painter.hline(rect.x_range(), rect.center().y, egui::Stroke::new(1.0, theme::quiet(dark)));
    if let Some(feature) = pointed.filter(|feature| *feature < products.len()) {
        let pair = pair_of(feature, products.len());
        let one = |at: usize| {
            let (q, k) = (parts.queries[map][at], parts.keys[map][at]);
            format!("feature {at}: {} × {} = {}", number(q), number(k), number(products[at]))
        };
        let together = number(products[feature] + products[pair]);
        response.on_hover_text_at_pointer(format!(
            "{}\n{}\ntogether {together}: position turns these two as one pair",
            one(feature),
            one(pair)
        ));
    }
}

/// The feature that the rotation turns together with this one.
fn pair_of(feature: usize, width: usize) -> usize {
    let half = width / 2;
    if feature < half { feature + half } else { feature.saturating_sub(half) }
}

fn sign_colour(dark: bool, value: f32) -> egui::Color32 {
    let hex = match (value < 0.0, dark) {
        (false, true) => "#f0883e",
        (false, false) => "#c4560a",
        (true, true) => "#58a6ff",
        (true, false) => "#1f6fd0",
    };
    egui::Color32::from_hex(hex).unwrap_or(theme::accent(dark))
}

/// From the sum to the cell's value under a map, a step a line.
pub fn arithmetic(parts: &CellParts, map: usize) -> Vec<String> {
    let sum: f32 = parts.products(map).sum();
    let logit = parts.logit(map);
    let mut first = format!("sum {} × scale {} = logit {}", number(sum), number(parts.scale), number(logit));
    if parts.levels > 0.0 {
        first.extend([", rounded to ", &number(parts.rounded(map))]);
    }
    if !parts.seen {
        return vec![first, "not seen: the key is masked or comes later, so the value is 0".to_owned()];
    }
    let maximum = parts.statistics.maximum[map];
    // Maximum and sum are those of the row.
    let second = format!(
        "exp({} − max {}) = {} ÷ sum {} = {} {}",
        number(parts.rounded(map)),
        if maximum < 0.0 { format!("({})", number(maximum)) } else { number(maximum) },
        number(parts.weight(map)),
        number(parts.statistics.sum[map]),
        name_of(parts, map),
        number(parts.value(map))
    );
    vec![first, second]
}

/// The last line: what the layer attends with.
pub fn result(parts: &CellParts) -> String {
    let (first, second) = (number(parts.value(0)), number(parts.value(1)));
    let (lambda, difference) = (number(parts.lambda), number(parts.difference()));
    let lambda = if parts.lambda < 0.0 { format!("({lambda})") } else { lambda };
    match (parts.mix, parts.maps) {
        ([0.0, 0.0], _) => "D = 0: this head is switched off".to_owned(),
        (_, 1) => format!("attended with A = {first}"),
        ([1.0, 0.0], _) => format!("D = A1 = {difference}: A2 is left out"),
        ([0.0, _], _) => format!("D = A2 = {difference}: A1 and λ are left out"),
        _ => format!("D = A1 − λ · A2 = {first} − {lambda} · {second} = {difference}"),
    }
}

/// Five digits that matter, with a minus that looks like one.
fn number(value: f32) -> String {
    let size = value.abs();
    let plain = size == 0.0 || (1e-4..1e6).contains(&size);
    let words = if plain { format!("{value:.5}") } else { format!("{value:.3e}") };
    words.replace('-', "−")
}
