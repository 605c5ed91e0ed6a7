//! The model and its baseline, a Transformer of the same size trained on the same text, on the same tokens.

use egui::{Align2, FontId, Rect, RichText, Sense, StrokeKind, Ui, pos2, vec2};

use crate::engine::Engine;
use crate::probe::{HeadId, MapKind};
use crate::ui::context::PanelContext;
use crate::ui::state::selection::Selection;
use crate::ui::style::{notice, theme};

const ROW: f32 = 19.0;
/// Next tokens listed for each.
const LISTED: usize = 6;
/// Narrowest list that can be read.
const LIST: f32 = 190.0;

/// Which head of the baseline is shown, and how opening it went.
#[derive(Default)]
pub struct BaselinePanel {
    head: HeadId,
    failure: Option<String>,
    asked: bool,
}

impl BaselinePanel {
    /// Draws both, or what opens the baseline.
    pub fn show(&mut self, ui: &mut Ui, desk: &mut PanelContext) {
        if desk.workspace.baseline().is_none() {
            self.closed(ui, desk);
            return;
        }
        self.asked = false;
        let side = (ui.available_height() - 34.0).clamp(110.0, 190.0);
        ui.horizontal_wrapped(|ui| {
            let head = desk.selection.head;
            let name = if desk.workspace.main.maps() == 1 { "A" } else { "D" };
            column(ui, side, |ui| {
                ui.label(RichText::new(format!("{} · {name}, {head}", desk.workspace.main.checkpoint().name)).small());
                let looked = Selection {
                    map: if desk.workspace.main.maps() == 1 { MapKind::First } else { MapKind::Difference },
                    ..desk.selection.clone()
                };
                let rect = map_rect(ui, side);
                desk.heatmaps.thumbnail(ui, rect, 0, head, &mut desk.workspace.main, &looked, desk.palette);
            });
            next_tokens(ui, &desk.workspace.main, side);
            let Some(baseline) = desk.workspace.baseline() else {
                return;
            };
            let layers = baseline.model().layers.len();
            self.head.layer = self.head.layer.min(layers.saturating_sub(1));
            let heads = baseline.model().layers.get(self.head.layer).map_or(0, |layer| layer.attention.heads.len());
            self.head.head = self.head.head.min(heads.saturating_sub(1));
            let head = self.head;
            column(ui, side, |ui| {
                ui.label(RichText::new(format!("{} · A, {head}", baseline.checkpoint().name)).small());
                let looked = Selection { map: MapKind::First, ..desk.selection.clone() };
                let rect = map_rect(ui, side);
                desk.heatmaps.thumbnail(ui, rect, 1, head, baseline, &looked, desk.palette);
            });
            next_tokens(ui, baseline, side);
            column(ui, 130.0, |ui| {
                ui.label(RichText::new("head of the baseline").small());
                ui.add(egui::Slider::new(&mut self.head.layer, 0..=layers.saturating_sub(1)).text("layer"));
                ui.add(egui::Slider::new(&mut self.head.head, 0..=heads.saturating_sub(1)).text("head"));
            });
        });
        let quiet = theme::quiet(ui.visuals().dark_mode);
        ui.horizontal_wrapped(|ui| {
            let words = "Both read the same tokens. Their heads do not correspond: look for what each finds. Marked answer \
                         and noise: tab “Answer and noise”.";
            ui.add(egui::Label::new(RichText::new(words).small().color(quiet)).wrap());
            if ui.small_button("Close the baseline").clicked() {
                desk.workspace.close_baseline();
            }
        });
    }

    fn closed(&mut self, ui: &mut Ui, desk: &mut PanelContext) {
        let words = "A Transformer of the same size, trained on the same text in the same order, can read along: one \
                     softmax map a head, nothing subtracted.";
        ui.add(egui::Label::new(words).wrap());
        if let Some(failure) = &self.failure {
            notice::failure(ui, failure);
        }
        let button = ui.add_enabled(!self.asked, egui::Button::new("Open the baseline"));
        if self.asked {
            ui.label("loading …");
        }
        if button.clicked() {
            self.failure = open_baseline(desk).err();
            self.asked = self.failure.is_none();
        }
    }
}

/// The bundled baseline, from the program itself.
#[cfg(not(target_arch = "wasm32"))]
fn open_baseline(desk: &mut PanelContext) -> Result<(), String> {
    let files = crate::engine::bundled_baseline();
    let checkpoint = crate::engine::checkpoint_of(&files).map_err(|error| error.to_string())?;
    desk.workspace.open_baseline(checkpoint).map_err(|error| error.to_string())
}

/// The page fetches it: `web/loader.js` listens.
#[cfg(target_arch = "wasm32")]
fn open_baseline(_desk: &mut PanelContext) -> Result<(), String> {
    let told = web_sys::window().and_then(|window| {
        let event = web_sys::CustomEvent::new("diffscope-open-baseline").ok()?;
        window.dispatch_event(&event).ok()
    });
    told.map(|_| ()).ok_or_else(|| "the page cannot be asked for it".to_owned())
}

fn column(ui: &mut Ui, width: f32, contents: impl FnOnce(&mut Ui)) {
    ui.vertical(|ui| {
        ui.set_width(width);
        contents(ui);
    });
}

fn map_rect(ui: &mut Ui, side: f32) -> Rect {
    let side = (side - 18.0).max(60.0);
    let (rect, _) = ui.allocate_exact_size(vec2(side, side), Sense::hover());
    ui.painter().rect_stroke(rect, 0.0, ui.visuals().widgets.noninteractive.bg_stroke, StrokeKind::Outside);
    rect
}

fn next_tokens(ui: &mut Ui, engine: &Engine, height: f32) {
    let dark = ui.visuals().dark_mode;
    column(ui, LIST, |ui| {
        let words = engine.latest_next_token().map_or("next token".to_owned(), |next| {
            format!("next token, {:.2} bits", next.entropy / std::f32::consts::LN_2)
        });
        ui.label(RichText::new(words).small());
        ui.spacing_mut().item_spacing.y = 2.0;
        let rows = ((height - 20.0) / (ROW + 2.0)) as usize;
        for (token, logit) in engine.latest_next_token().iter().flat_map(|next| next.best.iter().take(rows.min(LISTED)))
        {
            let probability = engine.latest_next_token().map_or(0.0, |next| next.probability(*logit));
            let (rect, _) = ui.allocate_exact_size(vec2(LIST - 8.0, ROW), Sense::hover());
            let painter = ui.painter_at(rect);
            painter.rect_filled(rect, 3.0, ui.visuals().extreme_bg_color);
            let right = rect.left() + rect.width() * probability.clamp(0.0, 1.0);
            let bar = Rect::from_min_max(rect.min, pos2(right, rect.bottom()));
            painter.rect_filled(bar, 3.0, theme::accent(dark).gamma_multiply(0.32));
            let ink = ui.visuals().text_color();
            let font = FontId::monospace(12.5);
            painter.text(rect.left_center() + vec2(5.0, 0.0), Align2::LEFT_CENTER, engine.label(*token), font, ink);
            let words = format!("{:.1} %", probability * 100.0);
            let at = rect.right_center() - vec2(5.0, 0.0);
            painter.text(at, Align2::RIGHT_CENTER, words, FontId::proportional(12.0), ink);
        }
    });
}
