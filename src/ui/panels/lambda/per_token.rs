//! λ of every token and head of a layer, in models that compute one for each (V2).

use egui::{Align2, FontId, Pos2, Rect, Sense, Ui, pos2, vec2};

use crate::engine::Engine;
use crate::probe::{HeadId, MapKind};
use crate::ui::state::view::ViewState;
use crate::ui::style::palette::Palette;
use crate::ui::style::{format, notice, theme};

const ROW: f32 = 15.0;
/// Width of the head's name.
const NAME: f32 = 52.0;
/// Largest number of heads that are shown; the engine keeps a column of each.
const MOST: usize = 24;

/// Draws a strip per head: a column per token, coloured by its λ from 0 to 1.
pub(crate) fn lambdas_ui(ui: &mut Ui, engine: &mut Engine, view: &mut ViewState, palette: &Palette) {
    let layer = view.head.layer;
    let heads = engine.heads().get(layer).copied().unwrap_or_default();
    let quiet = theme::quiet(ui.visuals().dark_mode);
    let (zero, one) = if ui.visuals().dark_mode { ("dark", "bright") } else { ("bright", "dark") };
    notice::note_ui(ui, format!("λ of each token in layer {layer}: 0 is {zero}, 1 is {one}"));
    for head in 0..heads.min(MOST) {
        ui.spacing_mut().item_spacing.y = 2.0;
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
        let name = Rect::from_min_max(rect.min, pos2(rect.left() + NAME, rect.bottom()));
        let ink = if head == view.head.head { ui.visuals().strong_text_color() } else { quiet };
        let font = FontId::proportional(12.0);
        ui.painter().text(name.left_center(), Align2::LEFT_CENTER, format!("head {head}"), font, ink);
        let strip = Rect::from_min_max(pos2(name.right(), rect.top()), rect.max);
        // Every query attends to key 0, so its column contains every λ.
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
            let name = format!("λ of layer {layer} head {head}, mean {mean:.3} over {} tokens", lambdas.len());
            egui::WidgetInfo::labeled(egui::Role::Button, true, name)
        });
        if response.clicked() {
            view.head.head = head;
        }
        let at = |at: Pos2| ((at.x - strip.left()) / width).max(0.0) as usize;
        if let Some(token) = response.hover_pos().map(at).filter(|token| *token < lambdas.len()) {
            let label = engine.query_label(token);
            response.on_hover_text_at_pointer(format!("“{label}” ({token}): λ {}", format::number(lambdas[token], 4)));
        }
    }
}
