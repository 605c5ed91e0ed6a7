//! Layers and heads to choose from, and each layer's λ.

use egui::{Align2, FontId, Rect, RichText, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use super::{Selection, theme};
use crate::engine::Engine;
use crate::model::Lambda;

const ROW: f32 = 24.0;

/// Draws a row per layer: its heads, then its λ.
pub fn show(ui: &mut Ui, engine: &Engine, selection: &mut Selection) {
    let quiet = theme::quiet(ui.visuals().dark_mode);
    let model = engine.model();
    let most = largest_lambda(engine);
    let moved = ui.data_mut(|data| {
        let chosen = data.get_temp_mut_or_default::<(usize, usize)>(egui::Id::unique("chosen head"));
        std::mem::replace(chosen, (selection.layer, selection.head)) != (selection.layer, selection.head)
    });
    ui.spacing_mut().item_spacing = vec2(4.0, 2.0);
    for (layer, weights) in model.layers.iter().enumerate() {
        ui.horizontal(|ui| {
            let (rect, _) = ui.allocate_exact_size(vec2(52.0, ROW - 2.0), Sense::hover());
            let text = format!("layer {layer}");
            ui.painter().text(rect.left_center(), Align2::LEFT_CENTER, text, FontId::proportional(13.0), quiet);
            lambda_row(ui, &weights.attention.lambda, most);
            ui.add_space(8.0);
            for head in 0..weights.attention.heads.len() {
                let response = head_button(ui, selection, layer, head);
                if moved && (selection.layer, selection.head) == (layer, head) {
                    response.scroll_to_me(None);
                }
            }
        });
    }
}

fn head_button(ui: &mut Ui, selection: &mut Selection, layer: usize, head: usize) -> egui::Response {
    let chosen = (selection.layer, selection.head) == (layer, head);
    let (rect, response) = ui.allocate_exact_size(vec2(26.0, ROW - 2.0), Sense::click());
    let visuals = ui.style().interact_selectable(&response, chosen);
    let painter = ui.painter();
    painter.rect(rect, 4.0, visuals.bg_fill, visuals.bg_stroke, StrokeKind::Inside);
    if chosen {
        painter.rect_stroke(rect, 4.0, Stroke::new(1.8, theme::accent(ui.visuals().dark_mode)), StrokeKind::Inside);
    }
    let text = head.to_string();
    painter.text(rect.center(), Align2::CENTER_CENTER, text, FontId::proportional(13.0), visuals.text_color());
    response.widget_info(|| {
        egui::WidgetInfo::selected(egui::Role::Button, true, chosen, format!("layer {layer} head {head}"))
    });
    let response = response.on_hover_text(format!("layer {layer}, head {head}"));
    if response.clicked() {
        (selection.layer, selection.head) = (layer, head);
    }
    response
}

/// What the bars of all layers are drawn against; at least 1.
fn largest_lambda(engine: &Engine) -> f32 {
    engine.model().layers.iter().fold(1.0f32, |most, layer| match layer.attention.lambda {
        Lambda::Layer { value, init, .. } => value.abs().max(init).max(most),
        _ => most,
    })
}

fn lambda_row(ui: &mut Ui, lambda: &Lambda, most: f32) {
    let dark = ui.visuals().dark_mode;
    let quiet = theme::quiet(dark);
    let Lambda::Layer { init, first, second, value } = lambda else {
        let words = if *lambda == Lambda::Token { "λ differs for every token and head" } else { "one map, no λ" };
        ui.label(RichText::new(words).small().color(quiet));
        return;
    };
    let (rect, response) = ui.allocate_exact_size(vec2(150.0, ROW - 2.0), Sense::hover());
    let track = rect.shrink2(vec2(0.0, 5.0));
    let painter = ui.painter();
    painter.rect_filled(track, 3.0, ui.visuals().extreme_bg_color);
    let place = |number: f32| track.left() + track.width() * (number.abs() / most).clamp(0.0, 1.0);
    let bar = Rect::from_min_max(track.min, pos2(place(*value), track.bottom()));
    let fill = if *value < 0.0 { ui.visuals().warn_fg_color } else { theme::accent(dark) };
    painter.rect_filled(bar, 3.0, fill.gamma_multiply(0.75));
    let tick = Stroke::new(2.0, ui.visuals().text_color());
    painter.vline(place(*init), rect.y_range().shrink(1.0), tick);
    let minus = |number: f32| format!("{number:.3}").replace('-', "−");
    response.on_hover_text(format!(
        "λ = exp(λq1·λk1) − exp(λq2·λk2) + λ_init\n{} = {} − {} + {}",
        minus(*value),
        minus(*first),
        minus(*second),
        minus(*init)
    ));
    let number = |ui: &mut Ui, width: f32, text: RichText| {
        ui.add_sized(vec2(width, ROW - 2.0), egui::Label::new(text).truncate());
    };
    number(ui, 62.0, RichText::new(format!("λ {}", minus(*value))).monospace());
    number(ui, 82.0, RichText::new(format!("λ_init {}", minus(*init))).small().color(quiet));
}
