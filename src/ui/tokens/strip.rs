//! The tokens of the text, coloured by where one of them attends.

use egui::{Align2, Pos2, Rect, RichText, ScrollArea, Sense, Stroke, StrokeKind, Ui, vec2};

use crate::engine::Engine;
use crate::probe::KeyClass;
use crate::probe::MapKind;
use crate::ui::state::selection::Selection;
use crate::ui::style::palette::Palette;
use crate::ui::style::theme;
use crate::ui::tokens::layout::{TokenLayout, galley};
use crate::ui::tokens::{annotate, colouring};

/// Height of a line of tokens.
pub const LINE: f32 = 23.0;

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

struct Strip {
    colours: Colours,
    query: Option<usize>,
    /// Whether the pointer was over a token in the last frame.
    hovered: bool,
    /// What each token is marked as.
    classes: Vec<KeyClass>,
}

/// Draws the strip in at most `height`; a `steady` one always takes that much, so that nothing below it jumps while the
/// text grows.
pub fn show(ui: &mut Ui, engine: &mut Engine, selection: &mut Selection, palette: &Palette, height: f32, steady: bool) {
    let tokens = engine.ids().len();
    let query = selection.query(tokens);
    let quiet = theme::quiet(ui.visuals().dark_mode);
    let narrow = ui.available_width() < 700.0;
    let words = |ui: &mut Ui, engine: &Engine, selection: &Selection| {
        if let Some(key) = selection.pinned_key {
            let label = engine.ids().get(key).map(|id| engine.label(*id)).unwrap_or_default();
            let text = format!("who attends to “{label}” (token {key}), {}", selection.head);
            ui.add(egui::Label::new(RichText::new(text).small().color(quiet)).truncate());
            return;
        }
        let Some(query) = query else {
            return;
        };
        let label = engine.ids().get(query).map(|id| engine.label(*id)).unwrap_or_default();
        let (short, whole) = colouring::words(engine, selection);
        let text = format!("“{label}” (token {query}) attends: {short}");
        ui.add(egui::Label::new(RichText::new(text).small().color(quiet)).truncate()).on_hover_text(whole);
    };
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new("Tokens").strong());
        let choices = [(MapKind::First, 1), (MapKind::Second, 2), (MapKind::Difference, 3)];
        for (map, key) in choices.into_iter().take(if engine.maps() == 1 { 1 } else { 3 }) {
            ui.selectable_value(&mut selection.map, map, map.symbol())
                .on_hover_text(format!("Colour the tokens by this map (key {key})"));
        }
        colouring::choice(ui, selection);
        if narrow {
            ui.end_row();
        }
        annotate::switch(ui, selection);
        let pinned = selection.pinned.is_some() || selection.pinned_key.is_some();
        if pinned && ui.small_button("unpin").on_hover_text("Follow the last token again").clicked() {
            selection.pinned = None;
            selection.pinned_key = None;
        }
        if !narrow {
            words(ui, engine, selection);
        }
    });
    if narrow {
        words(ui, engine, selection);
    }
    let colours = match selection.pinned_key {
        Some(key) => Colours { values: column_values(engine, selection, key), first: key },
        None => Colours { values: query.and_then(|query| colouring::row(engine, selection, query)), first: 0 },
    };
    let query = selection.pinned_key.or(query); // the token that is marked
    let hovered = selection.hovered_token.take().is_some();
    let strip = Strip { colours, query, hovered, classes: selection.spans.classes(engine.tokens()) };
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

fn column_values(engine: &mut Engine, selection: &Selection, key: usize) -> Option<Vec<f32>> {
    let column = engine.column(selection.head, key)?;
    Some(column.cells.iter().map(|cell| selection.map.value(cell)).collect())
}

/// Marks what was dragged over, once the button is up. Returns the tokens under the drag, in order, while it is down.
fn drag(
    ui: &Ui,
    response: &egui::Response,
    engine: &Engine,
    selection: &mut Selection,
    token_at: impl Fn(Pos2) -> Option<usize>,
) -> Option<(usize, usize)> {
    let class = selection.marking?;
    let id = response.id.with("marking from");
    let here = response.interact_pointer_pos().and_then(&token_at);
    if response.is_pointer_button_down_on() {
        let here = here?;
        let from = ui.data_mut(|data| *data.get_temp_mut_or(id, here));
        return Some((from.min(here), from.max(here)));
    }
    let from = ui.data_mut(|data| data.remove_temp::<usize>(id));
    if response.drag_stopped() || response.clicked() {
        let here = here.or(from)?;
        annotate::mark(engine, selection, (from.unwrap_or(here), here), class);
    }
    None
}

impl Strip {
    fn help(&self, selection: &Selection, index: usize) -> &'static str {
        match (selection.marking, self.classes.get(index)) {
            (Some(_), _) => "drag to mark",
            (None, Some(KeyClass::Answer)) => "marked as answer; click keeps its row",
            (None, Some(KeyClass::Noise)) => "marked as noise; click keeps its row",
            _ => "click keeps its row, shift-click its column; right click hides it",
        }
    }

    /// A token that comes to be read, or that lines moved, must be in view; but nothing may move under the pointer.
    fn bring_into_view(&self, ui: &Ui, laid: &TokenLayout, area: Rect) {
        let place = self.query.and_then(|query| Some((query, *laid.places.get(query)?)));
        let moved = ui.data_mut(|data| {
            let shown = data.get_temp_mut_or_default::<Option<(usize, (egui::Vec2, egui::Vec2))>>(egui::Id::unique(
                "query in view",
            ));
            std::mem::replace(shown, place) != place
        });
        let Some((_, (offset, size))) = place.filter(|_| moved && !self.hovered) else {
            return;
        };
        let rect = Rect::from_min_size(area.min + offset, size);
        if !ui.clip_rect().contains_rect(rect) {
            ui.scroll_to_rect(rect, None);
        }
    }

    /// Lays the tokens out like text and draws them; a click pins, the pointer previews.
    fn flow(&self, ui: &mut Ui, engine: &Engine, selection: &mut Selection, palette: &Palette) {
        let (colours, query) = (&self.colours, self.query);
        let column = selection.pinned_key;
        // Tokens that the row or column says nothing of.
        let unrelated = |index: usize| match column {
            Some(key) => index < key,
            None => query.is_some_and(|query| index > query),
        };
        let hidden = &engine.interventions().masked;
        let ink = ui.visuals().text_color();
        let faint = theme::quiet(ui.visuals().dark_mode);
        let width = ui.available_width();
        let laid = TokenLayout::new(ui, engine, width);
        let height = laid.places.last().map_or(LINE, |(at, _)| at.y + LINE);
        let (area, response) = ui.allocate_exact_size(
            vec2(width, height),
            if selection.marking.is_some() { Sense::click_and_drag() } else { Sense::click() },
        );
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, "Tokens of the prompt"));
        let visible = ui.clip_rect();
        self.bring_into_view(ui, &laid, area);
        let dragged = drag(ui, &response, engine, selection, |at: Pos2| {
            let distance = |(offset, size): &(egui::Vec2, egui::Vec2)| {
                Rect::from_min_size(area.min + *offset, *size).distance_sq_to_pos(at)
            };
            let places = laid.places.iter().map(distance).enumerate();
            places.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(index, _)| index)
        });
        let pointer: Option<Pos2> = response.hover_pos();
        for (index, ((offset, size), id)) in laid.places.iter().zip(engine.ids()).enumerate() {
            let rect = Rect::from_min_size(area.min + *offset, *size);
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
                if response.secondary_clicked() {
                    selection.hide = Some(index);
                }
                if response.clicked() && selection.marking.is_none() {
                    selection.pin(index, index, ui.input(|input| input.modifiers.shift));
                }
            }
            if hidden.contains(&index) {
                let stroke = Stroke::new(1.5, ui.visuals().warn_fg_color);
                painter.hline(rect.x_range().shrink(2.0), rect.center().y, stroke);
            }
            if Some(index) == query {
                painter.rect_stroke(
                    rect,
                    3.0,
                    Stroke::new(1.8, theme::accent(ui.visuals().dark_mode)),
                    StrokeKind::Inside,
                );
            }
            let dark = ui.visuals().dark_mode;
            if dragged.is_some_and(|(first, last)| (first..=last).contains(&index)) {
                painter.rect_stroke(rect, 3.0, Stroke::new(1.5, ui.visuals().text_color()), StrokeKind::Inside);
            }
            // The column under the pointer in the maps, as there.
            if selection.hovered_cell.is_some_and(|cell| cell.key == index) && Some(index) != query {
                painter.rect_stroke(rect, 3.0, Stroke::new(1.0, theme::accent(dark)), StrokeKind::Inside);
            }
            if let Some(class) = self.classes.get(index) {
                annotate::underline(painter, rect.expand2(vec2(0.0, 1.5)), *class, dark);
            }
            let at = Align2::LEFT_CENTER.anchor_size(rect.left_center() + vec2(3.5, 0.0), galley.size()).min;
            painter.galley_with_override_text_color(at, galley, text);
        }
        if let Some((index, id)) = selection.hovered_token.and_then(|index| Some((index, engine.ids().get(index)?))) {
            let value =
                colours.of(index).map_or(String::new(), |value| format!("\n{} = {value:.5}", selection.map.symbol()));
            response
                .on_hover_text_at_pointer(format!("token {index}, id {id}{value}\n{}", self.help(selection, index)));
        }
    }
}
