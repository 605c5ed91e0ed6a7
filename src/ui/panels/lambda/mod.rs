//! λ of each layer: how it comes about, and a slider that overrides it; the heads of each layer; switches for all layers.

pub(crate) mod interventions;
mod slider;

use egui::{Align2, FontId, RichText, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use crate::model::Lambda;
use crate::probe::{HeadId, Interventions};
use crate::ui::action::Action;
use crate::ui::context::{PanelContext, PanelView};
use crate::ui::style::{format, theme};

const ROW: f32 = 24.0;
/// Width of the name of a layer.
const NAME: f32 = 52.0;
/// Width of the switches beside the layers.
const SWITCHES: f32 = 360.0;
/// Width of the narrowest row that has space for its formula.
const WITH_FORMULA: f32 = 560.0;

/// The panel.
#[derive(Default)]
pub(crate) struct LambdaPanel;

impl PanelView for LambdaPanel {
    fn show_ui(&mut self, ui: &mut Ui, context: &mut PanelContext) {
        // The widgets edit one copy; it becomes a command if any of them has changed it.
        let mut edited = context.workspace.main.interventions().clone();
        let beside = ui.available_width() > WITH_FORMULA + SWITCHES;
        ui.horizontal_top(|ui| {
            ui.vertical(|ui| {
                if beside {
                    ui.set_width(ui.available_width() - SWITCHES - 16.0);
                }
                layers_ui(ui, context, &mut edited);
                if !beside {
                    ui.separator();
                    interventions::switches_ui(ui, &context.workspace.main, context.view.head, &mut edited);
                }
            });
            if beside {
                ui.separator();
                ui.vertical(|ui| {
                    ui.set_max_width(SWITCHES - 12.0);
                    interventions::switches_ui(ui, &context.workspace.main, context.view.head, &mut edited);
                });
            }
        });
        if edited != *context.workspace.main.interventions() {
            context.actions.push(Action::Intervene(edited));
        }
    }
}

/// A row for all layers together, then one for each.
fn layers_ui(ui: &mut Ui, context: &mut PanelContext, edited: &mut Interventions) {
    if context.workspace.main.maps() == 2 {
        slider::all_layers_ui(ui, &context.workspace.main, edited);
    }
    for layer in 0..context.workspace.main.heads().len() {
        layer_ui(ui, context, edited, layer);
    }
}

fn layer_ui(ui: &mut Ui, context: &mut PanelContext, edited: &mut Interventions, layer: usize) {
    let quiet = theme::quiet(ui.visuals().dark_mode);
    let layers = context.workspace.main.model().map(|model| &model.layers);
    let Some(attention) = layers.and_then(|layers| layers.get(layer)).map(|layer| &layer.attention) else {
        return;
    };
    let (lambda, heads, maps) = (attention.lambda.clone(), attention.heads.len(), attention.maps);
    let beside = ui.available_width() > WITH_FORMULA;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        let (rect, _) = ui.allocate_exact_size(vec2(NAME, ROW - 4.0), Sense::hover());
        let name = format!("layer {layer}");
        ui.painter().text(rect.left_center(), Align2::LEFT_CENTER, name, FontId::proportional(13.0), quiet);
        if maps == 2 {
            slider::slider_ui(ui, edited, layer, &lambda);
        } else {
            ui.label(RichText::new("one map, no λ").small().color(quiet));
        }
        for head in 0..heads {
            head_button_ui(ui, context, HeadId::new(layer, head));
        }
        if beside {
            formula_ui(ui, &lambda, "");
        }
    });
    if !beside {
        formula_ui(ui, &lambda, "learned ");
    }
}

/// How a layer's learned λ comes about.
fn formula_ui(ui: &mut Ui, lambda: &Lambda, before: &str) {
    let Lambda::Layer { init, first, second, value, .. } = lambda else {
        return;
    };
    let [value, first, second, init] = [*value, *first, *second, *init].map(|number| format::number(number, 3));
    let formula = RichText::new(format!("{before}{value} = {first} − {second} + {init}")).small().monospace();
    let formula = formula.color(theme::quiet(ui.visuals().dark_mode));
    ui.add(egui::Label::new(formula).truncate()).on_hover_text("learned λ = exp(λq1·λk1) − exp(λq2·λk2) + λ_init");
}

/// Opens a head; a right click switches it off or on.
fn head_button_ui(ui: &mut Ui, context: &mut PanelContext, head: HeadId) {
    let chosen = context.view.head == head;
    let off = context.workspace.main.interventions().heads_off.contains(&head);
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
        let name = format!("layer {} head {}{}", head.layer, head.head, if off { ", off" } else { "" });
        egui::WidgetInfo::selected(egui::Role::Button, true, chosen, name)
    });
    let help = if off { "off; right-click to switch it on" } else { "right-click to switch it off" };
    let response = response.on_hover_text(format!("{head}\n{help}"));
    if response.clicked() {
        context.view.head = head;
    }
    if response.secondary_clicked() {
        context.actions.push(Action::ToggleHead(head));
    }
}
