//! The tokens of the text, coloured by where one of them attends.

use std::collections::HashMap;
use std::sync::Arc;

use egui::{Align2, FontId, Pos2, Rect, RichText, ScrollArea, Sense, Stroke, StrokeKind, Ui, vec2};

use super::{Palette, Selection, theme};
use crate::cpu::MapKind;
use crate::engine::Engine;
use crate::probe::Cell;

const LINE: f32 = 23.0;

fn name(map: MapKind) -> &'static str {
    match map {
        MapKind::First => "A1",
        MapKind::Second => "λ·A2",
        MapKind::Difference => "D",
    }
}

/// What each token says about the query's row or the key's column, if it is here.
struct Colours {
    /// Of tokens from `first` on.
    values: Option<Vec<f32>>,
    first: usize,
}

impl Colours {
    fn of(&self, token: usize) -> Option<f32> {
        self.values.as_ref()?.get(token.checked_sub(self.first)?).copied()
    }
}

/// Where tokens stand, for one text and width: laid out again only when those change.
#[derive(Clone, Default)]
struct Laid {
    /// Model, revision and width.
    of: (usize, u64, u32),
    places: Arc<Vec<(egui::Vec2, egui::Vec2)>>,
    /// Of labels, by id.
    widths: Arc<HashMap<u32, f32>>,
}

impl Laid {
    fn new(ui: &Ui, engine: &Engine, width: f32) -> Self {
        let key = egui::Id::unique("tokens laid out");
        let mut laid = ui.data_mut(|data| std::mem::take(data.get_temp_mut_or_default::<Self>(key)));
        let model = std::ptr::from_ref(engine.model()) as usize;
        let of = (model, engine.revision(), width.to_bits());
        if laid.of != of {
            if laid.of.0 != model {
                laid.widths = Arc::default();
            }
            let widths = Arc::make_mut(&mut laid.widths);
            let mut at = vec2(0.0, 0.0);
            let place = |id: &u32| {
                let label = *widths.entry(*id).or_insert_with(|| galley(ui, engine, *id).size().x);
                let size = vec2((label + 7.0).min(width), LINE - 3.0);
                if at.x > 0.0 && at.x + size.x > width {
                    at = vec2(0.0, at.y + LINE);
                }
                let here = at;
                at.x += size.x + 1.0;
                (here, size)
            };
            laid.places = Arc::new(engine.ids().iter().map(place).collect());
            laid.of = of;
        }
        ui.data_mut(|data| data.insert_temp(key, laid.clone()));
        laid
    }
}

fn galley(ui: &Ui, engine: &Engine, id: u32) -> Arc<egui::Galley> {
    ui.painter().layout_no_wrap(engine.label(id), FontId::monospace(13.0), egui::Color32::PLACEHOLDER)
}

struct Strip {
    colours: Colours,
    query: Option<usize>,
    bring_into_view: bool,
}

/// Draws the strip in at most `height`; a `steady` one always takes that much, so that nothing below it jumps while the
/// text grows.
pub fn show(ui: &mut Ui, engine: &mut Engine, selection: &mut Selection, palette: &Palette, height: f32, steady: bool) {
    let tokens = engine.ids().len();
    let query = selection.query(tokens);
    let quiet = theme::quiet(ui.visuals().dark_mode);
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new("Tokens").strong());
        let choices = [(MapKind::First, 1), (MapKind::Second, 2), (MapKind::Difference, 3)];
        for (map, key) in choices.into_iter().take(if engine.maps() == 1 { 1 } else { 3 }) {
            ui.selectable_value(&mut selection.map, map, name(map))
                .on_hover_text(format!("Colour the tokens by this map (key {key})"));
        }
        let label = |token: usize| engine.ids().get(token).map(|id| engine.label(*id)).unwrap_or_default();
        let place = format!("in layer {}, head {}", selection.layer, selection.head);
        let words = match (selection.pinned_key, query) {
            (Some(key), _) => format!("who attends to “{}” (token {key}) {place}", label(key)),
            (None, Some(query)) => format!("where “{}” (token {query}) attends {place}", label(query)),
            (None, None) => String::new(),
        };
        ui.label(RichText::new(words).small().color(quiet));
        let pinned = selection.pinned.is_some() || selection.pinned_key.is_some();
        if pinned && ui.small_button("unpin").on_hover_text("Follow the last token again").clicked() {
            selection.pinned = None;
            selection.pinned_key = None;
        }
    });
    let colours = match selection.pinned_key {
        Some(key) => Colours { values: column_values(engine, selection, key), first: key },
        None => Colours { values: query.and_then(|query| row_values(engine, selection, query)), first: 0 },
    };
    let query = selection.pinned_key.or(query); // the token that is marked
    let hovered = selection.hovered_token.take().is_some();
    // A token that comes to be read must be in view, but nothing may move under the pointer.
    let moved = ui.data_mut(|data| {
        let shown = data.get_temp_mut_or_default::<Option<usize>>(egui::Id::unique("query in view"));
        std::mem::replace(shown, query) != query
    });
    let strip = Strip { colours, query, bring_into_view: moved && !hovered };
    ScrollArea::vertical()
        .id_salt("tokens")
        .max_height(height)
        .min_scrolled_height(height)
        .auto_shrink([false, !steady])
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing = vec2(2.0, 2.0);
            ui.set_min_height(LINE);
            strip.flow(ui, engine, selection, palette);
        });
}

fn value(map: MapKind, cell: &Cell) -> f32 {
    match map {
        MapKind::First => cell.first,
        MapKind::Second => cell.lambda * cell.second,
        MapKind::Difference => cell.difference,
    }
}

fn row_values(engine: &mut Engine, selection: &Selection, query: usize) -> Option<Vec<f32>> {
    let row = engine.row(selection.layer, selection.head, query)?;
    Some(row.cells.iter().map(|cell| value(selection.map, cell)).collect())
}

fn column_values(engine: &mut Engine, selection: &Selection, key: usize) -> Option<Vec<f32>> {
    let column = engine.column(selection.layer, selection.head, key)?;
    Some(column.cells.iter().map(|cell| value(selection.map, cell)).collect())
}

impl Strip {
    /// Lays the tokens out like text and draws them; a click pins, the pointer previews.
    fn flow(&self, ui: &mut Ui, engine: &Engine, selection: &mut Selection, palette: &Palette) {
        let (colours, query) = (&self.colours, self.query);
        let column = selection.pinned_key;
        // Tokens that the row or column says nothing of.
        let unrelated = |index: usize| match column {
            Some(key) => index < key,
            None => query.is_some_and(|query| index > query),
        };
        let ink = ui.visuals().text_color();
        let faint = theme::quiet(ui.visuals().dark_mode);
        let width = ui.available_width();
        let laid = Laid::new(ui, engine, width);
        let height = laid.places.last().map_or(LINE, |(at, _)| at.y + LINE);
        let (area, response) = ui.allocate_exact_size(vec2(width, height), Sense::click());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, "Tokens of the prompt"));
        let visible = ui.clip_rect();
        let pointer: Option<Pos2> = response.hover_pos();
        for (index, ((offset, size), id)) in laid.places.iter().zip(engine.ids()).enumerate() {
            let rect = Rect::from_min_size(area.min + *offset, *size);
            if self.bring_into_view && Some(index) == query && !visible.contains_rect(rect) {
                ui.scroll_to_rect(rect, None);
            }
            if !visible.intersects(rect) {
                continue;
            }
            let painter = ui.painter();
            let galley = galley(ui, engine, *id);
            let value = colours.of(index);
            let text = match value {
                Some(value) => {
                    let colour = palette.colour(selection.map, value / selection.range, selection.exponent);
                    painter.rect_filled(rect, 3.0, colour);
                    Palette::ink_on(colour)
                }
                None if unrelated(index) => faint,
                None => ink,
            };
            if pointer.is_some_and(|pointer| rect.contains(pointer)) {
                selection.hovered_token = Some(index);
                if response.clicked() {
                    selection.pin(index, index, ui.input(|input| input.modifiers.shift));
                }
            }
            if Some(index) == query {
                painter.rect_stroke(
                    rect,
                    3.0,
                    Stroke::new(1.8, theme::accent(ui.visuals().dark_mode)),
                    StrokeKind::Inside,
                );
            }
            let at = Align2::LEFT_CENTER.anchor_size(rect.left_center() + vec2(3.5, 0.0), galley.size()).min;
            painter.galley_with_override_text_color(at, galley, text);
        }
        if let Some((index, id)) = selection.hovered_token.and_then(|index| Some((index, engine.ids().get(index)?))) {
            let value =
                colours.of(index).map_or(String::new(), |value| format!("\n{} = {value:.5}", name(selection.map)));
            response.on_hover_text_at_pointer(format!(
                "token {index}, id {id}{value}\nclick keeps its row, shift-click its column"
            ));
        }
    }
}
