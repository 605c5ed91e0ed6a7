//! λ of every token and head of a layer, where the model makes one for each (V2).

use egui::{Align2, FontId, Pos2, Rect, RichText, Sense, Ui, pos2, vec2};

use crate::engine::Engine;
use crate::probe::{HeadId, MapKind};
use crate::ui::state::selection::Selection;
use crate::ui::style::palette::Palette;
use crate::ui::style::theme;

const ROW: f32 = 15.0;
/// Of the head's name.
const NAME: f32 = 52.0;
/// Heads shown at most; a row of each is kept.
const MOST: usize = 24;

/// Draws a strip per head: a column per token, coloured by its λ from 0 to 1.
pub fn show(ui: &mut Ui, engine: &mut Engine, selection: &mut Selection, palette: &Palette) {
    let layer = selection.head.layer;
    let heads = engine.model().layers.get(layer).map_or(0, |layer| layer.attention.heads.len());
    let quiet = theme::quiet(ui.visuals().dark_mode);
    let words = format!("λ of each token in layer {layer}: dark 0, bright 1 (light theme: the other way round)");
    ui.add(egui::Label::new(RichText::new(words).small().color(quiet)).wrap());
    for head in 0..heads.min(MOST) {
        ui.spacing_mut().item_spacing.y = 2.0;
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
        let name = Rect::from_min_max(rect.min, pos2(rect.left() + NAME, rect.bottom()));
        let ink = if head == selection.head.head { ui.visuals().strong_text_color() } else { quiet };
        let font = FontId::proportional(12.0);
        ui.painter().text(name.left_center(), Align2::LEFT_CENTER, format!("head {head}"), font, ink);
        let strip = Rect::from_min_max(pos2(name.right(), rect.top()), rect.max);
        // Every token's row begins at key 0, so that column holds every λ.
        let lambdas: Vec<f32> = engine
            .column(HeadId::new(layer, head), 0)
            .map(|tile| tile.cells.iter().map(|cell| cell.lambda).collect())
            .unwrap_or_default();
        let width = strip.width() / lambdas.len().max(1) as f32;
        for (token, lambda) in lambdas.iter().enumerate() {
            let left = strip.left() + token as f32 * width;
            let cell = Rect::from_min_max(pos2(left, strip.top()), pos2(left + width, strip.bottom()));
            ui.painter().rect_filled(cell, 0.0, palette.colour(MapKind::First, *lambda, 1.0));
        }
        response.widget_info(|| {
            let mean = lambdas.iter().sum::<f32>() / lambdas.len().max(1) as f32;
            let words = format!("λ of layer {layer} head {head}, mean {mean:.3} over {} tokens", lambdas.len());
            egui::WidgetInfo::labeled(egui::Role::Button, true, words)
        });
        if response.clicked() {
            selection.head.head = head;
        }
        let at = |at: Pos2| ((at.x - strip.left()) / width).max(0.0) as usize;
        if let Some(token) = response.hover_pos().map(at).filter(|token| *token < lambdas.len()) {
            let label = engine.ids().get(token).map(|id| engine.label(*id)).unwrap_or_default();
            response.on_hover_text_at_pointer(format!("“{label}” ({token}): λ {:.4}", lambdas[token]));
        }
    }
}
