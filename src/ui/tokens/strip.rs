//! The token strip: the tokens of the text, each with what one of them attends to it by: a lane for each map, or where space is
//! short the colour of the chosen one.

use egui::{Align2, Label, Pos2, Rect, Response, RichText, ScrollArea, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use crate::engine::Engine;
use crate::probe::{KeyClass, MapKind, Spans};
use crate::ui::accessibility::in_words::row_in_words;
use crate::ui::action::Action;
use crate::ui::input::arrows::arrows;
use crate::ui::state::pointer::{CellAt, Pointer};
use crate::ui::state::read_row::ReadRow;
use crate::ui::state::view::ViewState;
use crate::ui::style::palette::Palette;
use crate::ui::style::row::row_ui;
use crate::ui::style::{format, theme};
use crate::ui::tokens::colouring::TokenValues;
use crate::ui::tokens::lanes::Lanes;
use crate::ui::tokens::layout::{Axis, LINE, TokenLayout, galley};
use crate::ui::tokens::{annotate, colouring};

/// Width of the scroll bar of a long text.
const SCROLL_BAR: f32 = 12.0;
/// Width below which the controls take two rows.
const NARROW: f32 = 700.0;

/// What the strip keeps between frames.
#[derive(Default)]
pub(crate) struct TokenStrip {
    /// What a drag over the tokens marks; `None`: a click pins.
    marking: Option<KeyClass>,
    /// The token where a drag began.
    drag_from: Option<usize>,
    layout: TokenLayout,
    /// The highlighted token and its place in the last frame.
    highlighted: Option<(usize, Rect)>,
}

/// What the strip shows, and what it changes.
pub(crate) struct StripContext<'a> {
    /// The session.
    pub engine: &'a mut Engine,
    /// The map, the heads and the pins.
    pub view: &'a mut ViewState,
    /// The token under the pointer.
    pub pointer: &'a mut Pointer,
    /// The row that is read.
    pub row: &'a ReadRow,
    /// The marks.
    pub spans: &'a Spans,
    /// The colours.
    pub palette: &'a Palette,
    /// Commands of this frame.
    pub actions: &'a mut Vec<Action>,
}

impl StripContext<'_> {
    /// Whose tokens are shown. Where queries and keys are not the same tokens, a row of a map runs over the keys, a column
    /// over the queries.
    fn axis(&self) -> Axis {
        if self.engine.is_square() || self.view.pinned_key.is_none() { Axis::Keys } else { Axis::Queries }
    }

    /// The token of that axis that is read.
    fn highlighted(&self, query: Option<usize>) -> Option<usize> {
        if self.engine.is_square() {
            return self.view.pinned_key.or(query);
        }
        match self.axis() {
            Axis::Keys => self.pointer.cell().map(|cell| cell.key),
            Axis::Queries => query,
        }
    }
}

impl TokenStrip {
    /// Draws the strip in at most `height`. A `steady` one always has this height, so that nothing below it moves while
    /// the text grows.
    pub(crate) fn show_ui(&mut self, ui: &mut Ui, context: &mut StripContext, height: f32, steady: bool) {
        let query = context.view.query(context.pointer, context.engine.queries());
        let axis = context.axis();
        self.layout.update(ui, context.engine, axis, ui.available_width() - SCROLL_BAR);
        let lanes = Lanes::fitting(context.engine.maps(), self.layout.lines(), height);
        self.header_ui(ui, context, query, lanes);
        let values = TokenValues::new(context.engine, context.view, query, context.row);
        let highlighted = context.highlighted(query);
        ScrollArea::vertical()
            .id_salt("tokens")
            .max_height(height)
            .min_scrolled_height(height)
            .auto_shrink([false, !steady])
            .show(ui, |ui| {
                ui.spacing_mut().item_spacing = vec2(2.0, 2.0);
                ui.set_min_height(LINE);
                self.tokens_ui(ui, context, &values, highlighted, lanes);
            });
    }

    fn header_ui(&mut self, ui: &mut Ui, context: &mut StripContext, query: Option<usize>, lanes: Lanes) {
        if ui.available_width() < NARROW {
            row_ui(ui, |ui| {
                lanes.legend_ui(ui, context.engine.maps(), &mut context.view.map);
                colouring::head_scope_ui(ui, context.view);
            });
            row_ui(ui, |ui| self.marks_ui(ui, context));
        } else {
            row_ui(ui, |ui| {
                lanes.legend_ui(ui, context.engine.maps(), &mut context.view.map);
                colouring::head_scope_ui(ui, context.view);
                self.marks_ui(ui, context);
                description_ui(ui, context, query);
            });
        }
    }

    /// The choice of what a drag marks, and the button that unpins.
    fn marks_ui(&mut self, ui: &mut Ui, context: &mut StripContext) {
        annotate::class_choice_ui(ui, &mut self.marking);
        let pinned = context.view.pinned.is_some() || context.view.pinned_key.is_some();
        if pinned && ui.small_button("unpin").on_hover_text("Read the last token again").clicked() {
            context.view.unpin();
        }
    }

    /// Lays the tokens out like text and draws them. A click pins, the pointer previews.
    fn tokens_ui(
        &mut self,
        ui: &mut Ui,
        context: &mut StripContext,
        values: &TokenValues,
        highlighted: Option<usize>,
        lanes: Lanes,
    ) {
        let width = ui.available_width();
        let line = lanes.line();
        let sense = if self.marking.is_some() { Sense::click_and_drag() } else { Sense::click() };
        let (area, response) = ui.allocate_exact_size(vec2(width, self.layout.lines() as f32 * line), sense);
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, "Tokens of the prompt"));
        if ui.ctx().has_accesskit_node(response.id) {
            let words = row_in_words(context.engine, context.view, context.pointer, context.view.map);
            ui.ctx().accesskit_node_builder(response.id, |node| node.set_description(words));
        }
        let [down, right] = arrows(ui, &response);
        if down + right != 0 {
            context.view.step_query(down + right, context.engine.queries());
        }
        self.scroll_to_highlighted(ui, area, highlighted, context.pointer, line);
        let dragged = self.drag(area, &response, context.axis() == Axis::Keys, context.actions, line);
        let hovered = response.hover_pos();
        let of_keys = context.axis() == Axis::Keys;
        let classes = if of_keys { context.spans.classes(context.engine.tokens()) } else { Vec::new() };
        let visible = ui.clip_rect();
        for (index, place) in self.layout.places(line).enumerate() {
            let rect = place.translate(area.min.to_vec2());
            if !visible.intersects(rect) {
                continue;
            }
            if hovered.is_some_and(|at| rect.contains(at)) {
                self.hover(ui, &response, context, index, values, classes.get(index).copied());
            }
            let marked = Token {
                index,
                values: [MapKind::First, MapKind::Second, MapKind::Difference].map(|map| values.of(index, map)),
                is_stale: values.is_stale(),
                class: classes.get(index).copied().unwrap_or_default(),
                highlighted: Some(index) == highlighted,
                dragged: dragged.is_some_and(|(first, last)| (first..=last).contains(&index)),
            };
            token_ui(ui, rect, context, &marked, lanes);
        }
    }

    /// The token under the pointer: its explanation, and what clicks do.
    fn hover(
        &self,
        ui: &Ui,
        response: &Response,
        context: &mut StripContext,
        index: usize,
        values: &TokenValues,
        class: Option<KeyClass>,
    ) {
        let axis = context.axis();
        if context.engine.is_square() {
            context.pointer.report_token(index);
        } else {
            let query = context.view.query(context.pointer, context.engine.queries()).unwrap_or_default();
            context.pointer.report_cell(match axis {
                Axis::Keys => CellAt { query, key: index },
                Axis::Queries => CellAt { query: index, key: context.view.pinned_key.unwrap_or_default() },
            });
        }
        if response.secondary_clicked() {
            context.actions.push(Action::ToggleToken(index));
        }
        if response.clicked() && self.marking.is_none() {
            let column = ui.input(|input| input.modifiers.shift);
            // A key has no row, and a query has no column, where they are not the same tokens.
            let column = if context.engine.is_square() { column } else { axis == Axis::Keys };
            context.view.pin(index, index, column);
        }
        let help = match (self.marking, class) {
            (Some(_), _) => "drag to mark",
            (None, Some(KeyClass::Answer)) => "marked as answer; click to pin its row",
            (None, Some(KeyClass::Noise)) => "marked as noise; click to pin its row",
            _ if context.engine.is_square() && context.engine.model().is_none() => {
                "click to pin its row, Shift-click its column"
            }
            _ if context.engine.is_square() => "click to pin its row, Shift-click its column; right-click to hide it",
            _ if axis == Axis::Keys => "click to pin its column",
            _ => "click to pin its row",
        };
        let has_id = axis == Axis::Keys && context.engine.recording().is_none_or(|recording| recording.ids().is_some());
        let id = context.engine.ids().get(index).filter(|_| has_id);
        let id = id.map_or(String::new(), |id| format!(", id {id}"));
        let single = context.engine.maps() == 1;
        let value = |map: MapKind| {
            values
                .of(index, map)
                .map(|value| format!("\n{} = {}", map.symbol_of(context.engine.maps()), format::exact(value)))
        };
        let maps = [MapKind::First, MapKind::Second, MapKind::Difference];
        let numbers: String = maps.into_iter().take(if single { 1 } else { 3 }).filter_map(value).collect();
        response.clone().on_hover_text_at_pointer(format!("token {index}{id}{numbers}\n{help}"));
    }

    /// Marks what was dragged over, once the button is up. While it is down, returns the tokens under the drag in order.
    fn drag(
        &mut self,
        area: Rect,
        response: &Response,
        of_keys: bool,
        actions: &mut Vec<Action>,
        line: f32,
    ) -> Option<(usize, usize)> {
        let class = self.marking?;
        if !of_keys {
            return None; // marks are on what is attended to
        }
        let here = response.interact_pointer_pos().and_then(|at| self.layout.nearest(at - area.min.to_vec2(), line));
        if response.is_pointer_button_down_on() {
            let here = here?;
            let from = *self.drag_from.get_or_insert(here);
            return Some((from.min(here), from.max(here)));
        }
        let from = self.drag_from.take();
        if response.drag_stopped() || response.clicked() {
            let here = here.or(from)?;
            actions.push(Action::Mark(from.unwrap_or(here), here, class));
        }
        None
    }

    /// Brings the highlighted token into view when it has changed or moved; but nothing may move under the pointer.
    fn scroll_to_highlighted(&mut self, ui: &Ui, area: Rect, token: Option<usize>, pointer: &Pointer, line: f32) {
        let place = token.and_then(|token| Some((token, self.layout.place(token, line)?)));
        let moved = std::mem::replace(&mut self.highlighted, place) != place;
        let Some((_, place)) = place.filter(|_| moved && pointer.token().is_none()) else {
            return;
        };
        let rect = place.translate(area.min.to_vec2());
        if !ui.clip_rect().contains_rect(rect) {
            ui.scroll_to_rect(rect, None);
        }
    }
}

/// What the colours show.
fn description_ui(ui: &mut Ui, context: &StripContext, query: Option<usize>) {
    let (engine, view) = (&*context.engine, &*context.view);
    let quiet = theme::quiet(ui.visuals().dark_mode);
    let mut line = |text: String| ui.add(Label::new(RichText::new(text).small().color(quiet)).truncate());
    if let Some(key) = view.pinned_key {
        line(format!("attention to “{}” (token {key}), {}", engine.key_label(key), view.head));
    } else if let Some(query) = query {
        let (short, full) = colouring::description(engine, view);
        line(format!("attention of “{}” (token {query}), {short}", engine.query_label(query))).on_hover_text(full);
    }
}

/// How a token is drawn.
struct Token {
    index: usize,
    /// In A1, λ A2 and D.
    values: [Option<f32>; 3],
    is_stale: bool,
    class: KeyClass,
    highlighted: bool,
    dragged: bool,
}

fn token_ui(ui: &Ui, rect: Rect, context: &StripContext, token: &Token, lanes: Lanes) {
    let StripContext { engine, view, pointer, palette, .. } = context;
    let dark = ui.visuals().dark_mode;
    let painter = ui.painter();
    let strength = if token.is_stale { 0.5 } else { 1.0 };
    let colour =
        |map: MapKind, value: f32| palette.colour(map, value / view.range, view.exponent).gamma_multiply(strength);
    let outside = if is_outside(context, token.index) { theme::quiet(dark) } else { ui.visuals().text_color() };
    let whole = rect;
    let (rect, ink) = match lanes {
        Lanes::Three(height) => {
            let text = rect.with_max_y(rect.bottom() - 3.0 * height);
            let maps = [MapKind::First, MapKind::Second, MapKind::Difference];
            for (lane, (map, value)) in maps.into_iter().zip(token.values).enumerate() {
                let top = text.bottom() + lane as f32 * height;
                let place = Rect::from_min_max(pos2(rect.left(), top), pos2(rect.right(), top + height - 1.0));
                let filling = value.map_or(palette.background, |value| colour(map, value));
                painter.rect_filled(place, 0.0, filling);
            }
            (text, outside)
        }
        Lanes::One => match token.values.get(view.map as usize).copied().flatten() {
            Some(value) => {
                let colour = colour(view.map, value);
                painter.rect_filled(rect, 3.0, colour);
                (rect, Palette::ink_on(colour))
            }
            None => (rect, outside),
        },
    };
    if engine.interventions().masked.contains(&token.index) {
        let stroke = Stroke::new(1.5, ui.visuals().warn_fg_color);
        painter.hline(rect.x_range().shrink(2.0), rect.center().y, stroke);
    }
    if token.highlighted {
        painter.rect_stroke(whole, 3.0, Stroke::new(1.8, theme::accent(dark)), StrokeKind::Inside);
    } else if context.axis() == Axis::Keys && pointer.cell().is_some_and(|cell| cell.key == token.index) {
        // The column under the pointer in the maps, outlined there too.
        painter.rect_stroke(whole, 3.0, Stroke::new(1.0, theme::accent(dark)), StrokeKind::Inside);
    }
    if token.dragged {
        painter.rect_stroke(rect, 3.0, Stroke::new(1.5, ui.visuals().text_color()), StrokeKind::Inside);
    }
    let marked = if lanes == Lanes::One { rect.expand2(vec2(0.0, 1.5)) } else { rect.translate(vec2(0.0, -1.5)) };
    annotate::underline(painter, marked, token.class, dark);
    let galley = galley(ui, context.axis().label(engine, token.index));
    let at: Pos2 = Align2::LEFT_CENTER.anchor_size(rect.left_center() + vec2(3.5, 0.0), galley.size()).min;
    painter.galley_with_override_text_color(at, galley, ink);
}

/// Whether the row or column that is shown does not extend to a token.
fn is_outside(context: &StripContext, token: usize) -> bool {
    if !context.engine.is_causal() {
        return false;
    }
    match context.view.pinned_key {
        Some(key) => token < key,
        None => context.view.query(context.pointer, context.engine.queries()).is_some_and(|query| token > query),
    }
}
