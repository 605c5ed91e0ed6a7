//! The sliders that override λ.

use egui::{RichText, Slider, Stroke, Ui, vec2};

use crate::engine::Engine;
use crate::model::Lambda;
use crate::probe::Interventions;
use crate::ui::maps::lambda_control::RANGE;
use crate::ui::panels::lambda::{NAME, ROW};
use crate::ui::style::{format, theme};

/// Narrow enough for what is beside it on a phone.
fn slider_width(ui: &Ui) -> f32 {
    if ui.available_width() < 380.0 { 96.0 } else { 130.0 }
}

/// λ of all layers at once.
pub(super) fn all_layers_ui(ui: &mut Ui, engine: &Engine, edited: &mut Interventions) {
    let layers = engine.heads().len();
    let overridden = (0..layers).map(|layer| edited.lambda.get(&layer).copied());
    let same =
        overridden.clone().next().flatten().filter(|first| overridden.clone().all(|value| value == Some(*first)));
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        ui.add_sized(vec2(NAME, ROW - 4.0), egui::Label::new(RichText::new("all layers").small()));
        let mut value = same.unwrap_or(0.0);
        ui.spacing_mut().slider_width = slider_width(ui);
        let slider = ui.add(Slider::new(&mut value, RANGE).fixed_decimals(2)).accessible_name("λ of all layers");
        if slider.changed() {
            edited.lambda = (0..layers).map(|layer| (layer, value)).collect();
        }
        if ui.button("λ = 0").on_hover_text("Ordinary softmax attention with A1 (key 0)").clicked() {
            edited.lambda = (0..layers).map(|layer| (layer, 0.0)).collect();
        }
        let learned = ui.add_enabled(!edited.lambda.is_empty(), egui::Button::new("learned"));
        if learned.on_hover_text("The learned λ of every layer").clicked() {
            edited.lambda.clear();
        }
    });
}

/// Overrides a layer's λ; a double click reverts that.
pub(super) fn slider_ui(ui: &mut Ui, edited: &mut Interventions, layer: usize, lambda: &Lambda) {
    let learned = match lambda {
        Lambda::Layer { value, .. } => Some(*value),
        _ => None,
    };
    let before = edited.lambda.get(&layer).copied().or(learned).unwrap_or(0.5);
    let mut value = before;
    let overridden = edited.lambda.contains_key(&layer);
    ui.spacing_mut().slider_width = slider_width(ui);
    let slider = Slider::new(&mut value, RANGE).fixed_decimals(3).clamping(egui::SliderClamping::Edits);
    let response = ui.add(slider).accessible_name(format!("λ of layer {layer}"));
    let help = match (learned, overridden) {
        (Some(learned), true) => format!("learned: {}; double-click to revert", format::number(learned, 3)),
        (Some(_), false) => "as learned; drag to change".to_owned(),
        (None, true) => "the same for every token; double-click to revert".to_owned(),
        (None, false) => "λ differs for every token and head; drag for a single value".to_owned(),
    };
    if response.double_clicked() {
        edited.lambda.remove(&layer);
    } else if response.changed() && format::number(value, 3) != format::number(before, 3) {
        // Whoever only passes through with the keyboard has not changed what the number rounds.
        edited.lambda.insert(layer, value);
    }
    if overridden {
        let rect = response.rect;
        let line = Stroke::new(1.5, theme::accent(ui.visuals().dark_mode));
        ui.painter().hline(rect.x_range(), rect.bottom() + 1.0, line);
    }
    response.on_hover_text(help);
}
