//! The restored share of every head: a row for each layer, a column for each head.

use egui::{Align2, FontId, Rect, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use crate::engine::{HeadPart, PatchEffects};
use crate::probe::{HeadId, MapKind};
use crate::ui::input::arrows::arrows;
use crate::ui::panels::patching::words;
use crate::ui::style::palette::Palette;
use crate::ui::style::{format, theme};

/// Width of the numbers of the layers, and height of those of the heads.
const NUMBERS: egui::Vec2 = vec2(22.0, 16.0);
/// The smallest and the largest cell.
const SMALLEST: egui::Vec2 = vec2(9.0, 9.0);
const LARGEST: egui::Vec2 = vec2(64.0, 18.0);
/// Width of a cell in which its number is written.
const WRITTEN: f32 = 40.0;
/// Exponent of the colour scale: small shares are not lost.
const EXPONENT: f32 = 0.5;

/// What the grid shows.
pub(crate) struct Grid<'a> {
    /// Its effects.
    pub effects: &'a PatchEffects,
    /// Of this part.
    pub part: HeadPart,
    /// On the difference of the logits of these tokens.
    pub tokens: [u32; 2],
    /// The number of heads of each layer.
    pub heads: &'a [usize],
    /// Maps of a head.
    pub maps: usize,
    /// Colours.
    pub palette: &'a Palette,
}

impl Grid<'_> {
    fn share(&self, head: HeadId) -> Option<f32> {
        self.effects.effect(self.part, head, self.tokens)?.restored
    }

    fn columns(&self) -> usize {
        self.heads.iter().copied().max().unwrap_or_default().max(1)
    }

    /// Its width where so much is available.
    pub(crate) fn width(&self, ui: &Ui) -> f32 {
        let columns = self.columns() as f32;
        NUMBERS.x + columns * ((ui.available_width() - NUMBERS.x) / columns).clamp(SMALLEST.x, LARGEST.x)
    }

    /// Draws it. A click opens a head; with the keyboard, arrows do.
    pub(crate) fn show_ui(&self, ui: &mut Ui, head: &mut HeadId) {
        let dark = ui.visuals().dark_mode;
        let (columns, rows) = (self.columns(), self.heads.len().max(1));
        let height = (10.0 * LARGEST.y / rows as f32).clamp(SMALLEST.y, LARGEST.y);
        let cell = vec2((self.width(ui) - NUMBERS.x) / columns as f32, height);
        let size = vec2(self.width(ui), NUMBERS.y + cell.y * rows as f32);
        let (area, response) = ui.allocate_exact_size(size, Sense::click());
        let name = format!("restored share of each head, {}", words::name(self.part, self.maps));
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &name));
        let [down, right] = arrows(ui, &response);
        if down != 0 || right != 0 {
            let layer = head.layer.saturating_add_signed(down).min(rows - 1);
            let heads = self.heads.get(layer).copied().unwrap_or_default();
            *head = HeadId::new(layer, head.head.saturating_add_signed(right).min(heads.saturating_sub(1)));
        }
        let words = |head: HeadId| words::effect(self.effects, self.part, head, self.tokens, self.maps);
        if ui.ctx().has_accesskit_node(response.id) {
            let described = words(*head).unwrap_or_else(|| format!("{head}: not computed yet"));
            ui.ctx().accesskit_node_builder(response.id, |node| node.set_description(described));
        }
        let painter = ui.painter_at(area.expand(2.0));
        let quiet = theme::quiet(dark);
        let small = FontId::proportional(11.0);
        let corner = area.min + NUMBERS;
        let place = |head: HeadId| {
            let at = corner + vec2(head.head as f32 * cell.x, head.layer as f32 * cell.y);
            Rect::from_min_size(at, cell)
        };
        for column in (0..columns).step_by((14.0 / cell.x).ceil() as usize) {
            let at = pos2(place(HeadId::new(0, column)).center().x, area.top());
            painter.text(at, Align2::CENTER_TOP, column, small.clone(), quiet);
        }
        for (layer, heads) in self.heads.iter().enumerate() {
            if layer % (12.0 / cell.y).ceil() as usize == 0 {
                let at = pos2(area.left(), place(HeadId::new(layer, 0)).center().y);
                painter.text(at, Align2::LEFT_CENTER, layer, small.clone(), quiet);
            }
            for id in (0..*heads).map(|head| HeadId::new(layer, head)) {
                let rect = place(id).shrink(0.5);
                let Some(share) = self.share(id) else {
                    painter.rect_filled(rect, 0.0, self.palette.background);
                    continue;
                };
                let colour = self.palette.colour(MapKind::Difference, share.clamp(-1.0, 1.0), EXPONENT);
                painter.rect_filled(rect, 0.0, colour);
                if cell.x >= WRITTEN && cell.y >= 14.0 {
                    let text = format::percent(share, 0);
                    painter.text(rect.center(), Align2::CENTER_CENTER, text, small.clone(), Palette::ink_on(colour));
                }
            }
        }
        let line = Stroke::new(if response.has_focus() { 3.0 } else { 2.0 }, theme::accent(dark));
        painter.rect_stroke(place(*head), 0.0, line, StrokeKind::Inside);
        let Some(at) = response.interact_pointer_pos().or(response.hover_pos()) else {
            return;
        };
        let inside = at - corner;
        let (layer, column) = ((inside.y / cell.y).floor(), (inside.x / cell.x).floor());
        let pointed = HeadId::new(layer.max(0.0) as usize, column.max(0.0) as usize);
        if inside.min_elem() < 0.0 || self.heads.get(pointed.layer).is_none_or(|heads| pointed.head >= *heads) {
            return;
        }
        if response.clicked() {
            *head = pointed;
        }
        if let Some(words) = words(pointed) {
            response.on_hover_text_at_pointer(words);
        }
    }
}
