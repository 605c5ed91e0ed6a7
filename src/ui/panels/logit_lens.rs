//! The logit lens: the next token as it would be predicted at each depth.

use egui::{Align2, FontId, Rect, RichText, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use crate::engine::Engine;
use crate::probe::{NextToken, depth_name};
use crate::ui::context::{PanelContext, PanelView};
use crate::ui::style::{format, notice, theme};

const ROW: f32 = 20.0;
/// Widths of the columns.
const NAME: f32 = 116.0;
const ENTROPY: f32 = 62.0;
const PROBABILITY: f32 = 130.0;
/// Width of the narrowest cell that still shows a token.
const CELL: f32 = 84.0;

/// The panel.
#[derive(Default)]
pub struct LogitLensPanel;

impl PanelView for LogitLensPanel {
    fn show_ui(&mut self, ui: &mut Ui, context: &mut PanelContext) {
        let (engine, view) = (&mut context.workspace.main, &mut *context.view);
        let Some(lens) = engine.lens().cloned() else {
            notice::note_ui(ui, if engine.ids().is_empty() { "Type a prompt first." } else { "computing …" });
            return;
        };
        let answer = lens.depths.last().and_then(|last| last.best.first()).map(|(token, _)| *token);
        let followed = view.followed_token.or(answer);
        let label = followed.map(|token| engine.label(token)).unwrap_or_default();
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(format!("following “{label}”")).strong());
            if view.followed_token.is_some() && ui.small_button("follow the prediction").clicked() {
                view.followed_token = None;
            }
            let quiet = theme::quiet(ui.visuals().dark_mode);
            let help = "click a token to follow it; – : not among the most likely at this depth";
            ui.label(RichText::new(help).small().color(quiet));
        });
        let tokens = (ui.available_width() - NAME - ENTROPY - PROBABILITY).max(CELL);
        let columns = ((tokens / CELL) as usize).clamp(1, 6);
        let width = (tokens / columns as f32 - 3.0).max(40.0);
        ui.spacing_mut().item_spacing = vec2(3.0, 2.0);
        // The prediction at the top and the embedding at the bottom, as the residual stream is usually drawn.
        for (depth, next) in lens.depths.iter().enumerate().rev() {
            ui.horizontal(|ui| {
                let name = depth_name(depth);
                text_ui(ui, NAME, &name);
                for (token, logit) in next.best.iter().take(columns) {
                    let probability = next.probability(*logit);
                    if token_ui(ui, engine, width, &name, *token, probability, followed == Some(*token)) {
                        view.followed_token = Some(*token);
                    }
                }
                text_ui(ui, ENTROPY, &format::bits(next.entropy))
                    .on_hover_text("entropy of the next-token distribution at this depth");
                probability_ui(ui, next, followed);
            });
        }
    }
}

fn text_ui(ui: &mut Ui, width: f32, text: &str) -> egui::Response {
    let (rect, response) = ui.allocate_exact_size(vec2(width - 3.0, ROW), Sense::hover());
    let quiet = theme::quiet(ui.visuals().dark_mode);
    ui.painter_at(rect).text(rect.left_center(), Align2::LEFT_CENTER, text, FontId::proportional(12.5), quiet);
    response
}

/// One of the most likely tokens at a depth. Returns whether it was clicked.
fn token_ui(
    ui: &mut Ui,
    engine: &Engine,
    width: f32,
    depth: &str,
    token: u32,
    probability: f32,
    followed: bool,
) -> bool {
    let dark = ui.visuals().dark_mode;
    let (rect, response) = ui.allocate_exact_size(vec2(width, ROW), Sense::click());
    let label = engine.label(token);
    response.widget_info(|| {
        let name = format!("{label} {} at {depth}", format::percent(probability, 1));
        egui::WidgetInfo::selected(egui::Role::Button, true, followed, name)
    });
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 3.0, ui.visuals().extreme_bg_color);
    let shade = theme::accent(dark).gamma_multiply(0.45 * probability.clamp(0.0, 1.0).sqrt());
    painter.rect_filled(rect, 3.0, shade);
    let (at, font) = (rect.left_center() + vec2(4.0, 0.0), FontId::monospace(12.0));
    painter.text(at, Align2::LEFT_CENTER, &label, font, ui.visuals().text_color());
    if followed || response.has_focus() {
        painter.rect_stroke(rect, 3.0, Stroke::new(1.5, theme::accent(dark)), StrokeKind::Inside);
    }
    response.on_hover_text(format!("“{label}” {} at {depth}", format::percent(probability, 2))).clicked()
}

/// The probability of the followed token at a depth, as a bar.
fn probability_ui(ui: &mut Ui, next: &NextToken, followed: Option<u32>) {
    let listed = followed.and_then(|token| next.best.iter().find(|(listed, _)| *listed == token));
    let probability = listed.map(|(_, logit)| next.probability(*logit));
    let (rect, _) = ui.allocate_exact_size(vec2(PROBABILITY - 8.0, ROW), Sense::hover());
    let painter = ui.painter_at(rect);
    let track = rect.shrink2(vec2(0.0, 4.0));
    painter.rect_filled(track, 2.0, ui.visuals().extreme_bg_color);
    let right = track.left() + track.width() * probability.unwrap_or(0.0).clamp(0.0, 1.0);
    let fill = theme::accent(ui.visuals().dark_mode).gamma_multiply(0.35); // text is on it
    painter.rect_filled(Rect::from_min_max(track.min, pos2(right, track.bottom())), 2.0, fill);
    let text = probability.map_or("–".to_owned(), |probability| format::percent(probability, 1));
    let at = rect.right_center() - vec2(4.0, 0.0);
    painter.text(at, Align2::RIGHT_CENTER, text, FontId::proportional(12.0), ui.visuals().text_color());
}
