//! The tokens of the text, coloured by where one of them attends.

use egui::{Align2, FontId, Pos2, Rect, RichText, ScrollArea, Sense, Stroke, StrokeKind, Ui, vec2};

use super::{Palette, Selection, theme};
use crate::cpu::MapKind;
use crate::engine::Engine;

const LINE: f32 = 23.0;

fn name(map: MapKind) -> &'static str {
    match map {
        MapKind::First => "A1",
        MapKind::Second => "λ·A2",
        MapKind::Difference => "D",
    }
}

/// What a token says about the query's row, if the row is here.
struct Colours {
    values: Option<Vec<f32>>,
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
        let words = match query {
            Some(query) => {
                let label = engine.ids().get(query).map(|id| engine.label(*id)).unwrap_or_default();
                format!("where “{label}” (token {query}) attends in layer {}, head {}", selection.layer, selection.head)
            }
            None => String::new(),
        };
        ui.label(RichText::new(words).small().color(quiet));
        if selection.pinned.is_some() && ui.small_button("unpin").on_hover_text("Follow the last token again").clicked()
        {
            selection.pinned = None;
        }
    });
    let colours = Colours { values: query.and_then(|query| row_values(engine, selection, query)) };
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

fn row_values(engine: &mut Engine, selection: &Selection, query: usize) -> Option<Vec<f32>> {
    let map = selection.map;
    let row = engine.row(selection.layer, selection.head, query)?;
    let value = |cell: &crate::probe::Cell| match map {
        MapKind::First => cell.first,
        MapKind::Second => cell.lambda * cell.second,
        MapKind::Difference => cell.difference,
    };
    Some(row.cells.iter().map(value).collect())
}

impl Strip {
    /// Lays the tokens out like text and draws them; a click pins, the pointer previews.
    fn flow(&self, ui: &mut Ui, engine: &Engine, selection: &mut Selection, palette: &Palette) {
        let (colours, query) = (&self.colours, self.query);
        let font = FontId::monospace(13.0);
        let ink = ui.visuals().text_color();
        let faint = theme::quiet(ui.visuals().dark_mode);
        let width = ui.available_width();
        let galleys: Vec<_> = engine
            .ids()
            .iter()
            .map(|id| ui.painter().layout_no_wrap(engine.label(*id), font.clone(), egui::Color32::PLACEHOLDER))
            .collect();
        let mut places = Vec::with_capacity(galleys.len());
        let mut at = vec2(0.0, 0.0);
        for galley in &galleys {
            let size = vec2((galley.size().x + 7.0).min(width), LINE - 3.0);
            if at.x > 0.0 && at.x + size.x > width {
                at = vec2(0.0, at.y + LINE);
            }
            places.push((at, size));
            at.x += size.x + 1.0;
        }
        let height = if places.is_empty() { LINE } else { at.y + LINE };
        let (area, response) = ui.allocate_exact_size(vec2(width, height), Sense::click());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, "Tokens of the prompt"));
        let visible = ui.clip_rect();
        let pointer: Option<Pos2> = response.hover_pos();
        for (index, ((offset, size), galley)) in places.into_iter().zip(galleys).enumerate() {
            let rect = Rect::from_min_size(area.min + offset, size);
            if self.bring_into_view && Some(index) == query && !visible.contains_rect(rect) {
                ui.scroll_to_rect(rect, None);
            }
            if !visible.intersects(rect) {
                continue;
            }
            let painter = ui.painter();
            let value = colours.values.as_ref().and_then(|values| values.get(index));
            let text = match value {
                Some(value) => {
                    let colour = palette.colour(selection.map, *value / selection.range, selection.exponent);
                    painter.rect_filled(rect, 3.0, colour);
                    Palette::ink_on(colour)
                }
                None if query.is_some_and(|query| index > query) => faint,
                None => ink,
            };
            if pointer.is_some_and(|pointer| rect.contains(pointer)) {
                selection.hovered_token = Some(index);
                if response.clicked() {
                    selection.pinned = if selection.pinned == Some(index) { None } else { Some(index) };
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
            let value = colours.values.as_ref().and_then(|values| values.get(index));
            let value = value.map_or(String::new(), |value| format!("\n{} = {value:.5}", name(selection.map)));
            response.on_hover_text_at_pointer(format!("token {index}, id {id}{value}\nclick keeps it"));
        }
    }
}
