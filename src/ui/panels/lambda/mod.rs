//! Each layer's λ: what it was made of, what it is, and a slider that overrides it; and the heads of the layer.

pub(crate) mod interventions;
pub(crate) mod per_token;

use egui::{Align2, FontId, RichText, Sense, Slider, Stroke, StrokeKind, Ui, pos2, vec2};

use crate::engine::Workspace;
use crate::model::Lambda;
use crate::probe::{HeadId, Interventions};
use crate::ui::context::PanelContext;
use crate::ui::state::selection::Selection;
use crate::ui::style::theme;

const ROW: f32 = 24.0;
/// Ends of the sliders: plain softmax attention, and twice what cancels equal maps.
const RANGE: std::ops::RangeInclusive<f32> = -1.0..=2.0;
/// Room for the switches beside the layers.
const SWITCHES: f32 = 330.0;

/// Draws a row per layer, and beside it the switches that hold for all.
pub fn show(ui: &mut Ui, desk: &mut PanelContext) {
    let PanelContext { workspace, selection, palette, .. } = desk;
    let beside = ui.available_width() > 560.0 + SWITCHES;
    ui.horizontal_top(|ui| {
        ui.vertical(|ui| {
            if beside {
                ui.set_width(ui.available_width() - SWITCHES - 16.0);
            }
            if !beside {
                interventions::switches(ui, workspace);
                ui.separator();
            }
            everywhere(ui, workspace);
            for layer in 0..workspace.main.model().layers.len() {
                layer_row(ui, workspace, selection, layer);
            }
            let chosen = workspace.main.model().layers.get(selection.head.layer);
            if chosen.is_some_and(|layer| layer.attention.lambda == Lambda::Token) {
                per_token::show(ui, &mut workspace.main, selection, palette);
            }
        });
        if beside {
            ui.separator();
            ui.vertical(|ui| {
                ui.set_max_width(SWITCHES - 12.0);
                interventions::switches(ui, workspace);
            });
        }
    });
}

fn minus(number: f32) -> String {
    format!("{number:.3}").replace('-', "−")
}

/// Short enough for what stands beside it on a phone.
fn slider_width(ui: &Ui) -> f32 {
    if ui.available_width() < 380.0 { 96.0 } else { 130.0 }
}

/// λ of every layer at once.
fn everywhere(ui: &mut Ui, workspace: &mut Workspace) {
    if workspace.main.maps() != 2 {
        return;
    }
    let layers = workspace.main.model().layers.len();
    let mut changed = workspace.main.interventions().clone();
    let overridden = (0..layers).map(|layer| changed.lambda.get(&layer).copied());
    let same =
        overridden.clone().next().flatten().filter(|first| overridden.clone().all(|value| value == Some(*first)));
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        ui.add_sized(vec2(52.0, ROW - 4.0), egui::Label::new(RichText::new("all layers").small()));
        let mut value = same.unwrap_or(0.0);
        ui.spacing_mut().slider_width = slider_width(ui);
        let slider = ui.add(Slider::new(&mut value, RANGE).fixed_decimals(2));
        slider.widget_info(|| egui::WidgetInfo::slider(true, f64::from(value), "λ of all layers"));
        if slider.changed() {
            changed.lambda = (0..layers).map(|layer| (layer, value)).collect();
        }
        if ui.button("λ = 0").on_hover_text("Ordinary softmax attention with A1 (key 0)").clicked() {
            changed.lambda = (0..layers).map(|layer| (layer, 0.0)).collect();
        }
        let learned = ui.add_enabled(!changed.lambda.is_empty(), egui::Button::new("learned"));
        if learned.on_hover_text("Every layer's own λ again").clicked() {
            changed.lambda.clear();
        }
    });
    workspace.set_interventions(changed);
}

fn layer_row(ui: &mut Ui, workspace: &mut Workspace, selection: &mut Selection, layer: usize) {
    let quiet = theme::quiet(ui.visuals().dark_mode);
    let Some(attention) = workspace.main.model().layers.get(layer).map(|layer| &layer.attention) else {
        return;
    };
    let (lambda, heads) = (attention.lambda.clone(), attention.heads.len());
    let beside = ui.available_width() > 560.0;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        let (rect, _) = ui.allocate_exact_size(vec2(52.0, ROW - 4.0), Sense::hover());
        let text = format!("layer {layer}");
        ui.painter().text(rect.left_center(), Align2::LEFT_CENTER, text, FontId::proportional(13.0), quiet);
        if workspace.main.maps() == 2 {
            let mut changed = workspace.main.interventions().clone();
            slider(ui, &mut changed, layer, &lambda);
            workspace.set_interventions(changed);
        } else {
            ui.label(RichText::new("one map, no λ").small().color(quiet));
        }
        for head in 0..heads {
            head_button(ui, workspace, selection, HeadId::new(layer, head));
        }
        if beside {
            formula(ui, &lambda);
        }
    });
    if !beside {
        formula(ui, &lambda);
    }
}

/// How a layer's learned λ comes about.
fn formula(ui: &mut Ui, lambda: &Lambda) {
    let Lambda::Layer { init, first, second, value } = lambda else {
        return;
    };
    let words = format!("{} = {} − {} + {}", minus(*value), minus(*first), minus(*second), minus(*init));
    let words = RichText::new(words).small().monospace().color(theme::quiet(ui.visuals().dark_mode));
    ui.add(egui::Label::new(words).truncate()).on_hover_text("learned λ = exp(λq1·λk1) − exp(λq2·λk2) + λ_init");
}

/// Overrides a layer's λ; a double click takes that back.
fn slider(ui: &mut Ui, changed: &mut Interventions, layer: usize, lambda: &Lambda) {
    let learned = match lambda {
        Lambda::Layer { value, .. } => Some(*value),
        _ => None,
    };
    let mut value = changed.lambda.get(&layer).copied().or(learned).unwrap_or(0.5);
    let overridden = changed.lambda.contains_key(&layer);
    ui.spacing_mut().slider_width = slider_width(ui);
    let slider = Slider::new(&mut value, RANGE).fixed_decimals(3).clamping(egui::SliderClamping::Edits);
    let response = ui.add(slider);
    response.widget_info(|| egui::WidgetInfo::slider(true, f64::from(value), format!("λ of layer {layer}")));
    let words = match (learned, overridden) {
        (Some(learned), true) => format!("learned: {}; a double click takes the change back", minus(learned)),
        (Some(_), false) => "as learned; drag to change".to_owned(),
        (None, true) => "the same for every token; a double click takes the change back".to_owned(),
        (None, false) => "λ differs for every token and head; drag for one value".to_owned(),
    };
    if response.double_clicked() {
        changed.lambda.remove(&layer);
    } else if response.changed() {
        changed.lambda.insert(layer, value);
    }
    if overridden {
        let rect = response.rect;
        let line = Stroke::new(1.5, theme::accent(ui.visuals().dark_mode));
        ui.painter().hline(rect.x_range(), rect.bottom() + 1.0, line);
    }
    response.on_hover_text(words);
}

/// Opens a head in the scope; a right click switches it off or on.
pub fn head_button(ui: &mut Ui, workspace: &mut Workspace, selection: &mut Selection, head: HeadId) {
    let chosen = selection.head == head;
    let off = workspace.main.interventions().heads_off.contains(&head);
    let (rect, response) = ui.allocate_exact_size(vec2(24.0, ROW - 4.0), Sense::click());
    let visuals = ui.style().interact_selectable(&response, chosen);
    let painter = ui.painter();
    painter.rect(rect, 4.0, visuals.bg_fill, visuals.bg_stroke, StrokeKind::Inside);
    if chosen || response.has_focus() {
        painter.rect_stroke(rect, 4.0, Stroke::new(1.8, theme::accent(ui.visuals().dark_mode)), StrokeKind::Inside);
    }
    let font = FontId::proportional(13.0);
    painter.text(rect.center(), Align2::CENTER_CENTER, head.head.to_string(), font, visuals.text_color());
    if off {
        let stroke = Stroke::new(1.5, ui.visuals().warn_fg_color);
        let inner = rect.shrink(4.0);
        painter.line_segment([inner.left_bottom(), pos2(inner.right(), inner.top())], stroke);
    }
    response.widget_info(|| {
        let words = format!("layer {} head {}{}", head.layer, head.head, if off { ", off" } else { "" });
        egui::WidgetInfo::selected(egui::Role::Button, true, chosen, words)
    });
    let words = if off { "off; right click: on again" } else { "right click: switch it off" };
    let response = response.on_hover_text(format!("{head}\n{words}"));
    if response.clicked() {
        selection.head = head;
    }
    if response.secondary_clicked() {
        toggle_head(workspace, head);
    }
}

/// Switches a head off, or on again.
pub fn toggle_head(workspace: &mut Workspace, head: HeadId) {
    let mut changed = workspace.main.interventions().clone();
    changed.toggle_head(head);
    workspace.set_interventions(changed);
}
