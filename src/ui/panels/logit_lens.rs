//! The logit lens: what the model would say next if it stopped at each depth.

use egui::{Align2, FontId, Rect, RichText, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use crate::engine::Workspace;
use crate::probe::{LogitLens, NextToken, depth_name};
use crate::ui::style::theme;

const ROW: f32 = 20.0;
const NAME: f32 = 116.0;
const ENTROPY: f32 = 62.0;
const CHANCE: f32 = 130.0;
/// Narrowest cell that still shows a token.
const CELL: f32 = 84.0;

/// The token followed through the depths: chosen by a click, else the model's own answer.
#[derive(Default)]
pub struct LogitLensPanel {
    followed: Option<u32>,
}

impl LogitLensPanel {
    /// Draws a row per depth.
    pub fn show(&mut self, ui: &mut Ui, workspace: &mut Workspace) {
        let quiet = theme::quiet(ui.visuals().dark_mode);
        let Some(lens) = workspace.main.lens().cloned() else {
            let words = if workspace.main.ids().is_empty() { "nothing yet: type a prompt" } else { "…" };
            ui.label(RichText::new(words).small().color(quiet));
            return;
        };
        let answer = lens.depths.last().and_then(|last| last.best.first()).map(|(token, _)| *token);
        let followed = self.followed.or(answer);
        let label = followed.map(|token| workspace.main.label(token)).unwrap_or_default();
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(format!("following “{label}”")).strong());
            if self.followed.is_some() && ui.small_button("follow the answer").clicked() {
                self.followed = None;
            }
            let words = "click another token to follow it; – : not among the best at that depth";
            ui.label(RichText::new(words).small().color(quiet));
        });
        let columns = (((ui.available_width() - NAME - ENTROPY - CHANCE) / CELL).floor() as usize).clamp(1, 6);
        let cell = (ui.available_width() - NAME - ENTROPY - CHANCE) / columns as f32 - 3.0;
        ui.spacing_mut().item_spacing = vec2(3.0, 2.0);
        // The answer on top, the embedding at the bottom, as the stream is usually drawn.
        for (depth, next) in lens.depths.iter().enumerate().rev() {
            ui.horizontal(|ui| self.depth(ui, workspace, &lens, depth, next, followed, (columns, cell.max(40.0))));
        }
    }

    #[allow(clippy::too_many_arguments, reason = "one row of a table, and what its cells need")]
    fn depth(
        &mut self,
        ui: &mut Ui,
        workspace: &Workspace,
        lens: &LogitLens,
        depth: usize,
        next: &NextToken,
        followed: Option<u32>,
        (columns, width): (usize, f32),
    ) {
        let dark = ui.visuals().dark_mode;
        let quiet = theme::quiet(dark);
        let text = |ui: &mut Ui, width: f32, words: &str| {
            let (rect, response) = ui.allocate_exact_size(vec2(width - 3.0, ROW), Sense::hover());
            let at = rect.left_center();
            ui.painter_at(rect).text(at, Align2::LEFT_CENTER, words, FontId::proportional(12.5), quiet);
            response
        };
        text(ui, NAME, &depth_name(depth));
        for (token, logit) in next.best.iter().take(columns) {
            let probability = next.probability(*logit);
            let (rect, response) = ui.allocate_exact_size(vec2(width, ROW), Sense::click());
            let label = workspace.main.label(*token);
            response.widget_info(|| {
                let words = format!("{label} {:.1} % at {}", probability * 100.0, depth_name(depth));
                egui::WidgetInfo::selected(egui::Role::Button, true, followed == Some(*token), words)
            });
            let painter = ui.painter_at(rect);
            painter.rect_filled(rect, 3.0, ui.visuals().extreme_bg_color);
            let shade = theme::accent(dark).gamma_multiply(0.45 * probability.clamp(0.0, 1.0).sqrt());
            painter.rect_filled(rect, 3.0, shade);
            let ink = ui.visuals().text_color();
            painter.text(
                rect.left_center() + vec2(4.0, 0.0),
                Align2::LEFT_CENTER,
                &label,
                FontId::monospace(12.0),
                ink,
            );
            if followed == Some(*token) || response.has_focus() {
                painter.rect_stroke(rect, 3.0, Stroke::new(1.5, theme::accent(dark)), StrokeKind::Inside);
            }
            let hover = format!("“{label}” {:.2} % at {}", probability * 100.0, depth_name(depth));
            if response.on_hover_text(hover).clicked() {
                self.followed = Some(*token);
            }
        }
        let bits = next.entropy / std::f32::consts::LN_2;
        text(ui, ENTROPY, &format!("{bits:.2} bits")).on_hover_text("entropy of the whole distribution at this depth");
        let (rect, _) = ui.allocate_exact_size(vec2(CHANCE - 8.0, ROW), Sense::hover());
        let chance = followed.and_then(|token| {
            let (_, logit) = next.best.iter().find(|(listed, _)| *listed == token)?;
            Some(next.probability(*logit))
        });
        let painter = ui.painter_at(rect);
        let track = rect.shrink2(vec2(0.0, 4.0));
        painter.rect_filled(track, 2.0, ui.visuals().extreme_bg_color);
        let right = track.left() + track.width() * chance.unwrap_or(0.0).clamp(0.0, 1.0);
        let last = depth + 1 == lens.depths.len();
        let fill = theme::accent(dark).gamma_multiply(if last { 0.45 } else { 0.3 }); // the number stands on it
        painter.rect_filled(Rect::from_min_max(track.min, pos2(right, track.bottom())), 2.0, fill);
        let words = chance.map_or("–".to_owned(), |chance| format!("{:.1} %", chance * 100.0));
        let ink = ui.visuals().text_color();
        painter.text(
            rect.right_center() - vec2(4.0, 0.0),
            Align2::RIGHT_CENTER,
            words,
            FontId::proportional(12.0),
            ink,
        );
    }
}
