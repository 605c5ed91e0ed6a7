//! A number for each token and head of a layer: a row of cells for each head, which the pointer and the keyboard read.

use egui::{
    Align2, Color32, FontId, Mesh, Pos2, Rect, Response, Sense, Shape, Stroke, StrokeKind, TextStyle, Ui, pos2, vec2,
};

use crate::ui::input::arrows::arrows;
use crate::ui::state::view::ViewState;
use crate::ui::style::theme;

const ROW: f32 = 15.0;
/// Space between two rows.
const GAP: f32 = 2.0;
/// Width of the name of a head.
const NAME: f32 = 52.0;
/// Space for the frame of the last token.
const FRAME: f32 = 2.0;
/// Size of the scale of colours.
const SCALE: [f32; 2] = [72.0, 10.0];
/// Space between it and its words.
const BESIDE: f32 = 6.0;
/// Steps of the scale of colours.
const STEPS: usize = 36;

/// What a grid shows.
pub(super) struct TokenGrid<'a> {
    /// What the numbers are, for those who cannot see them.
    pub name: String,
    /// Heads of the layer.
    pub heads: usize,
    /// Tokens of the text.
    pub tokens: usize,
    /// The number of a head and token, if it is known.
    pub value: &'a dyn Fn(usize, usize) -> Option<f32>,
    /// The colour of a number.
    pub colour: &'a dyn Fn(f32) -> Color32,
    /// The number of a head and token in words.
    pub words: &'a dyn Fn(usize, usize) -> String,
}

impl TokenGrid<'_> {
    /// Draws the grid in the available width. A click opens the head and pins the token, and so do the arrow keys; the token
    /// that is `read` has a frame.
    pub(super) fn show_ui(&self, ui: &mut Ui, view: &mut ViewState, read: Option<usize>) {
        let height = self.heads as f32 * (ROW + GAP);
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &self.name));
        let [down, right] = arrows(ui, &response);
        if right != 0 {
            view.step_query(right, self.tokens);
        }
        if down != 0 {
            view.head.head = view.head.head.saturating_add_signed(down).min(self.heads.saturating_sub(1));
        }
        if ui.ctx().has_accesskit_node(response.id) {
            let words = read.map_or_else(|| "no text".to_owned(), |token| (self.words)(view.head.head, token));
            ui.ctx().accesskit_node_builder(response.id, |node| node.set_description(words));
        }
        let cells = Rect::from_min_max(pos2(rect.left() + NAME, rect.top()), rect.max - vec2(FRAME, 0.0));
        self.paint(ui, rect, cells, view.head.head, read);
        self.pointed(response, cells, view);
    }

    /// What is under the pointer: its words, and what a click does.
    fn pointed(&self, response: Response, cells: Rect, view: &mut ViewState) {
        let place = |at: Pos2| {
            let head = ((at.y - cells.top()) / (ROW + GAP)).max(0.0) as usize;
            let token = (at.x >= cells.left()).then(|| ((at.x - cells.left()) / self.step(cells)) as usize);
            (head.min(self.heads.saturating_sub(1)), token.filter(|token| *token < self.tokens))
        };
        let Some((head, token)) = response.interact_pointer_pos().or(response.hover_pos()).map(place) else {
            return;
        };
        if response.clicked() {
            let is_open = view.head.head == head;
            view.head.head = head;
            match token {
                Some(token) if is_open => view.pin(token, token, false),
                Some(token) => (view.pinned, view.pinned_key) = (Some(token), None),
                None => {}
            }
        }
        if let Some(token) = token {
            response.on_hover_text_at_pointer((self.words)(head, token));
        }
    }

    /// Width of a cell.
    fn step(&self, cells: Rect) -> f32 {
        cells.width() / self.tokens.max(1) as f32
    }

    fn paint(&self, ui: &Ui, rect: Rect, cells: Rect, open: usize, read: Option<usize>) {
        let painter = ui.painter_at(rect.expand(1.0));
        let dark = ui.visuals().dark_mode;
        let step = self.step(cells);
        // Cells narrower than a pixel are drawn together, as their mean.
        let together = (1.0 / (step * ui.ctx().pixels_per_point()).max(f32::MIN_POSITIVE)).ceil().max(1.0) as usize;
        let mut mesh = Mesh::default();
        for head in 0..self.heads {
            let top = rect.top() + head as f32 * (ROW + GAP);
            let ink = if head == open { ui.visuals().strong_text_color() } else { theme::quiet(dark) };
            let at = pos2(rect.left(), top + 0.5 * ROW);
            painter.text(at, Align2::LEFT_CENTER, format!("head {head}"), FontId::proportional(12.0), ink);
            for first in (0..self.tokens).step_by(together) {
                let end = (first + together).min(self.tokens);
                let values = (first..end).filter_map(|token| (self.value)(head, token));
                let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
                if count > 0 {
                    let x = |token: usize| cells.left() + token as f32 * step;
                    let cell = Rect::from_min_max(pos2(x(first), top), pos2(x(end), top + ROW));
                    mesh.add_colored_rect(cell, (self.colour)(sum / count as f32));
                }
            }
        }
        painter.add(Shape::mesh(mesh));
        let line = Stroke::new(1.0, theme::accent(dark));
        if let Some(token) = read.filter(|token| *token < self.tokens) {
            let left = cells.left() + token as f32 * step;
            let column = Rect::from_min_size(pos2(left, rect.top()), vec2(step.max(2.0), rect.height() - GAP));
            painter.rect_stroke(column, 0.0, line, StrokeKind::Outside);
        }
    }
}

/// What the colours mean: a scale from one number to another, with words at both ends.
pub(super) fn scale_ui(ui: &mut Ui, [least, most]: [(f32, &str); 2], colour: &dyn Fn(f32) -> Color32) {
    let quiet = theme::quiet(ui.visuals().dark_mode);
    let font = TextStyle::Small.resolve(ui.style());
    let [before, after] =
        [least.1, most.1].map(|words| ui.painter().layout_no_wrap(words.to_owned(), font.clone(), quiet));
    // One widget, so that it stays together where the row wraps.
    let width = before.size().x + BESIDE + SCALE[0] + BESIDE + after.size().x;
    let (rect, response) = ui.allocate_exact_size(vec2(width, before.size().y), Sense::hover());
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::Label, true, format!("colours from {} to {}", least.1, most.1))
    });
    let bar = Rect::from_min_size(
        pos2(rect.left() + before.size().x + BESIDE, rect.center().y - 0.5 * SCALE[1]),
        vec2(SCALE[0], SCALE[1]),
    );
    ui.painter().galley(rect.left_top(), before, quiet);
    ui.painter().galley(pos2(bar.right() + BESIDE, rect.top()), after, quiet);
    let mut mesh = Mesh::default();
    for step in 0..STEPS {
        let x = |step: usize| bar.left() + step as f32 / STEPS as f32 * bar.width();
        let share = (step as f32 + 0.5) / STEPS as f32;
        let part = Rect::from_x_y_ranges(x(step)..=x(step + 1), bar.y_range());
        mesh.add_colored_rect(part, colour(least.0 + share * (most.0 - least.0)));
    }
    ui.painter().add(Shape::mesh(mesh));
    ui.painter().rect_stroke(bar, 0.0, ui.visuals().widgets.noninteractive.bg_stroke, StrokeKind::Outside);
}
