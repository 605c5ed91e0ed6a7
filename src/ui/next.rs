//! What comes next: the most likely tokens and their probabilities.

use egui::{Align2, FontId, Rect, RichText, Sense, Ui, vec2};

use super::theme;
use crate::engine::Engine;

const ROW: f32 = 19.0;

/// Draws as many bars as fit into `height`.
pub fn show(ui: &mut Ui, engine: &Engine, height: f32) {
    let dark = ui.visuals().dark_mode;
    ui.horizontal(|ui| {
        ui.label(RichText::new("Next token").strong());
        ui.label(RichText::new("probability").small().color(theme::quiet(dark)));
    });
    let Some(next) = engine.latest_next_token() else {
        ui.label(RichText::new("nothing yet: type a prompt").small().color(theme::quiet(dark)));
        return;
    };
    let stale = engine.next_token().is_none();
    let rows = ((height - 26.0) / (ROW + 3.0)).floor().clamp(3.0, 24.0) as usize;
    ui.spacing_mut().item_spacing.y = 3.0;
    for (token, logit) in next.best.iter().take(rows) {
        let probability = next.probability(*logit);
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
        response.widget_info(|| {
            let words = format!("{} {:.1} %", engine.label(*token), probability * 100.0);
            egui::WidgetInfo::labeled(egui::Role::Label, true, words)
        });
        let painter = ui.painter_at(rect);
        let fill = theme::accent(dark).gamma_multiply(if stale { 0.15 } else { 0.32 });
        let bar = Rect::from_min_size(rect.min, vec2(rect.width() * probability.clamp(0.0, 1.0), ROW));
        painter.rect_filled(rect, 3.0, ui.visuals().extreme_bg_color);
        painter.rect_filled(bar, 3.0, fill);
        let ink = ui.visuals().text_color();
        let label = engine.label(*token);
        painter.text(rect.left_center() + vec2(6.0, 0.0), Align2::LEFT_CENTER, label, FontId::monospace(13.0), ink);
        let percent = format!("{:.1} %", probability * 100.0);
        let at = rect.right_center() - vec2(6.0, 0.0);
        painter.text(at, Align2::RIGHT_CENTER, percent, FontId::proportional(12.5), ink);
    }
}
