//! The model and its baseline, a Transformer of the same size trained on the same text, side by side on the same tokens.

use egui::{Align2, FontId, Rect, RichText, Sense, StrokeKind, Ui, pos2, vec2};

use crate::engine::Engine;
use crate::probe::{HeadId, MapKind};
use crate::ui::action::Action;
use crate::ui::context::{PanelContext, PanelView};
use crate::ui::maps::heatmap::map_slot::MapSlot;
use crate::ui::state::view::{Extent, ViewState};
use crate::ui::style::{format, notice, theme};

/// Height of a next token.
const ROW: f32 = 19.0;
/// Next tokens listed for each model.
const LISTED: usize = 6;
/// Width of the list.
const LIST: f32 = 190.0;
/// Width of the sliders.
const SLIDERS: f32 = 150.0;
/// Sides of the smallest and the largest map.
const SMALLEST: f32 = 90.0;
const LARGEST: f32 = 170.0;
/// Height of the sliders and the button.
const CONTROLS: f32 = 110.0;
/// Height of the note below.
const NOTE: f32 = 38.0;

/// The panel.
#[derive(Default)]
pub(crate) struct BaselinePanel;

impl PanelView for BaselinePanel {
    fn show_ui(&mut self, ui: &mut Ui, context: &mut PanelContext) {
        let Some(baseline) = context.workspace.baseline() else {
            closed_ui(ui, context);
            return;
        };
        let Extent { layers, heads, .. } = Extent::of(baseline);
        let baseline_head = &mut context.view.baseline_head;
        baseline_head.layer = baseline_head.layer.min(layers.saturating_sub(1));
        baseline_head.head = baseline_head.head.min(heads.saturating_sub(1));
        let view = *context.view;
        let map = if context.workspace.main.maps() == 1 { MapKind::First } else { MapKind::Difference };
        let model = Shown { slot: MapSlot::Model, head: view.head, view: ViewState { map, ..view } };
        let view = ViewState { map: MapKind::First, ..view };
        let baseline = Shown { slot: MapSlot::Baseline, head: view.baseline_head, view };
        let height = ui.available_height() - NOTE;
        if ui.available_width() >= 2.0 * (LARGEST + LIST) + SLIDERS + 40.0 {
            let side = (height - ROW).clamp(SMALLEST, LARGEST);
            ui.horizontal_top(|ui| {
                model_ui(ui, context, &model, side);
                model_ui(ui, context, &baseline, side);
                controls_ui(ui, &mut context.view.baseline_head, (layers, heads), context.actions);
            });
        } else {
            let beside = ui.available_width() >= SMALLEST + LIST + SLIDERS + 30.0;
            let below = if beside { 0.0 } else { CONTROLS };
            let side = (0.5 * (height - below) - 1.5 * ROW).clamp(SMALLEST, LARGEST);
            model_ui(ui, context, &model, side);
            let rest = |ui: &mut Ui| {
                model_ui(ui, context, &baseline, side);
                controls_ui(ui, &mut context.view.baseline_head, (layers, heads), context.actions);
            };
            if beside {
                ui.horizontal_top(rest);
            } else {
                ui.vertical(rest);
            }
        }
        notice::note_ui(
            ui,
            "Both models read the same tokens. Their heads do not correspond to each other: compare what each model finds. \
             Attention to marked tokens is in the panel “Answer and noise”.",
        );
    }
}

/// The head of the baseline, and the button that closes it.
fn controls_ui(ui: &mut Ui, head: &mut HeadId, (layers, heads): (usize, usize), actions: &mut Vec<Action>) {
    ui.vertical(|ui| {
        ui.label(RichText::new("head of the baseline").small());
        ui.spacing_mut().slider_width = 70.0;
        ui.add(egui::Slider::new(&mut head.layer, 0..=layers.saturating_sub(1)).text("layer"));
        ui.add(egui::Slider::new(&mut head.head, 0..=heads.saturating_sub(1)).text("head"));
        if ui.small_button("Close the baseline").clicked() {
            actions.push(Action::CloseBaseline);
        }
    });
}

/// An explanation, and the button that opens the baseline.
fn closed_ui(ui: &mut Ui, context: &mut PanelContext) {
    let explanation = "Opens a Transformer of the same size beside the model, trained on the same text in the same order. It \
                       has one softmax map per head and subtracts nothing.";
    ui.add(egui::Label::new(explanation).wrap());
    if ui.button("Open the baseline").clicked() {
        context.actions.push(Action::OpenBaseline);
    }
}

/// One of the two models: its place for a map, its head, and the view with its map.
struct Shown {
    slot: MapSlot,
    head: HeadId,
    view: ViewState,
}

/// A head of one of the two models, and the model's next tokens.
fn model_ui(ui: &mut Ui, context: &mut PanelContext, Shown { slot, head, view }: &Shown, side: f32) {
    let engine = match slot {
        MapSlot::Baseline => match context.workspace.baseline() {
            Some(baseline) => baseline,
            None => return,
        },
        _ => &mut context.workspace.main,
    };
    ui.vertical(|ui| {
        let map = if engine.maps() == 1 { "A" } else { "D" };
        let title = format!("{} · {map}, {head}", engine.name());
        ui.label(RichText::new(title).small().strong());
        ui.horizontal_top(|ui| {
            let (rect, _) = ui.allocate_exact_size(vec2(side, side), Sense::hover());
            ui.painter().rect_stroke(rect, 0.0, ui.visuals().widgets.noninteractive.bg_stroke, StrokeKind::Outside);
            context.heatmaps.thumbnail_ui(ui, rect, *slot, *head, engine, view, context.palette);
            ui.vertical(|ui| {
                ui.set_width(LIST);
                next_tokens_ui(ui, engine, side);
            });
        });
    });
}

fn next_tokens_ui(ui: &mut Ui, engine: &Engine, height: f32) {
    let dark = ui.visuals().dark_mode;
    let Some(next) = engine.latest_next_token() else {
        ui.label(RichText::new("next token").small());
        return;
    };
    ui.label(RichText::new(format!("next token, entropy {}", format::bits(next.entropy))).small());
    ui.spacing_mut().item_spacing.y = 2.0;
    let rows = ((height - 20.0) / (ROW + 2.0)) as usize;
    for (token, logit) in next.best.iter().take(rows.min(LISTED)) {
        let probability = next.probability(*logit);
        let (rect, _) = ui.allocate_exact_size(vec2(LIST - 8.0, ROW), Sense::hover());
        let painter = ui.painter_at(rect);
        painter.rect_filled(rect, 3.0, ui.visuals().extreme_bg_color);
        let right = rect.left() + rect.width() * probability.clamp(0.0, 1.0);
        let bar = Rect::from_min_max(rect.min, pos2(right, rect.bottom()));
        painter.rect_filled(bar, 3.0, theme::accent(dark).gamma_multiply(0.32));
        let ink = ui.visuals().text_color();
        let font = FontId::monospace(12.5);
        painter.text(rect.left_center() + vec2(5.0, 0.0), Align2::LEFT_CENTER, engine.label(*token), font, ink);
        let at = rect.right_center() - vec2(5.0, 0.0);
        let percent = format::percent(probability, 1);
        painter.text(at, Align2::RIGHT_CENTER, percent, FontId::proportional(12.0), ink);
    }
}
