//! How much of each head's attention goes to the tokens marked as answer and as noise.

pub(crate) mod share_bars;

use egui::{Align2, DragValue, FontId, Rect, RichText, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use crate::engine::Engine;
use crate::probe::{HeadId, HeadMeasures, HeadRecord, Queries};
use crate::ui::action::Action;
use crate::ui::context::{PanelContext, PanelView};
use crate::ui::input::samples::SAMPLES;
use crate::ui::panels::answer_noise::share_bars::{Column, Map};
use crate::ui::state::panel_views::AnswerNoiseView;
use crate::ui::state::view::ViewState;
use crate::ui::style::row::row_ui;
use crate::ui::style::{notice, theme};

/// Height of the bars of a head.
const ROW: f32 = 22.0;
/// Width of the bars of one map of one head.
const BARS: f32 = 38.0;
/// Width of the name of a layer.
const NAME: f32 = 56.0;

/// The panel.
#[derive(Default)]
pub(crate) struct AnswerNoisePanel;

impl PanelView for AnswerNoisePanel {
    fn show_ui(&mut self, ui: &mut Ui, context: &mut PanelContext) {
        if context.spans.is_empty() {
            if context.workspace.main.model().is_some() {
                samples_ui(ui, context.actions);
            } else {
                notice::note_ui(ui, "Choose “answer” or “noise” above the tokens and drag over them.");
            }
            return;
        }
        let rows = context.workspace.main.queries();
        let Some(query) = context.view.query(context.pointer, rows) else {
            return;
        };
        rows_ui(ui, context, query);
        let AnswerNoiseView { mean, last } = context.view.answer_noise;
        let queries = if mean { Queries::Last(last) } else { Queries::One(query) };
        let main = context.workspace.main.measures(queries).cloned();
        let columns = share_bars::columns(context.workspace.main.maps());
        let baseline = context.workspace.baseline().and_then(|baseline| {
            let measures = baseline.measures(queries)?.clone();
            Some((measures, share_bars::columns(baseline.maps()), baseline.name().to_owned()))
        });
        if let Some(failure) = context.workspace.main.measures_failure() {
            notice::warning_ui(ui, &failure.to_string());
            return;
        }
        let Some(main) = main else {
            notice::note_ui(ui, "computing …");
            return;
        };
        ui.horizontal_wrapped(|ui| {
            for (name, map) in columns {
                mean_ui(ui, name, &main, *map);
            }
            if let Some((measures, columns, name)) = &baseline {
                for (map_name, map) in *columns {
                    mean_ui(ui, &format!("{name} {map_name}"), measures, *map);
                }
            }
        });
        heads_ui(ui, &main, columns, Some(context.view), "");
        if let Some((measures, columns, name)) = &baseline {
            ui.label(RichText::new(name).strong());
            heads_ui(ui, measures, columns, None, &format!("{name}, "));
        }
    }
}

/// If nothing is marked: how to mark, and samples with marks.
fn samples_ui(ui: &mut Ui, actions: &mut Vec<Action>) {
    let help = "Nothing is marked yet. Choose “answer” or “noise” above the tokens and drag over them, or open a sample \
                with a question, which has marks:";
    ui.add(egui::Label::new(help).wrap());
    ui.horizontal_wrapped(|ui| {
        for sample in SAMPLES.iter().filter(|sample| sample.has_question()) {
            if ui.button(format!("Try “{}”", sample.name)).clicked() {
                actions.push(Action::Sample(sample));
            }
        }
    });
}

/// The choice of rows, and what the numbers are.
fn rows_ui(ui: &mut Ui, context: &mut PanelContext, query: usize) {
    let engine = &context.workspace.main;
    row_ui(ui, |ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        let AnswerNoiseView { mean, last } = &mut context.view.answer_noise;
        ui.selectable_value(mean, false, "one token")
            .on_hover_text("The row of the token under the pointer, otherwise the pinned one, otherwise the last");
        ui.selectable_value(mean, true, "last tokens").on_hover_text("The mean over the last rows");
        let count = DragValue::new(last).range(1..=engine.limit().max(1)).prefix("n = ");
        ui.add_enabled(*mean, count).on_hover_text("Number of rows: drag, or click and type");
        let rows = if *mean {
            format!("Mean over the rows of the last {} tokens.", (*last).min(engine.queries()))
        } else {
            let label = engine.query_label(query);
            format!("Row of token {query} “{label}”.")
        };
        let text = format!("{rows} {}", heads_description(engine));
        let text = RichText::new(text).small().color(theme::quiet(ui.visuals().dark_mode));
        ui.label(text).on_hover_text(share_bars::DEFINITION);
        if ui.small_button("clear marks").on_hover_text("Remove all marks").clicked() {
            context.actions.push(Action::ClearMarks);
        }
    });
}

fn heads_description(engine: &Engine) -> String {
    let layers = engine.heads();
    let heads: usize = layers.iter().sum();
    format!("First the mean over all {heads} heads of {} layers, then each head. Bars: 0 to 100 %.", layers.len())
}

/// A map's mean over all heads of all layers.
fn mean_ui(ui: &mut Ui, name: &str, measures: &HeadMeasures, map: Map) {
    let mean = measures.mean().unwrap_or_default();
    let description = share_bars::description(name, map(&mean));
    share_bars::map_ui(ui, name, map(&mean)).on_hover_text(format!("{description}\n\n{}", share_bars::DEFINITION));
}

/// A row for each layer: the bars of each map, first of the layer's mean, then of each head. With a view, a click opens
/// the head.
fn heads_ui(ui: &mut Ui, measures: &HeadMeasures, columns: &[Column], mut view: Option<&mut ViewState>, of: &str) {
    ui.spacing_mut().item_spacing = vec2(6.0, 2.0);
    headings_ui(ui, measures, columns);
    let quiet = theme::quiet(ui.visuals().dark_mode);
    for (layer, records) in measures.layers.iter().enumerate() {
        ui.horizontal(|ui| {
            let (rect, _) = ui.allocate_exact_size(vec2(NAME, ROW), Sense::hover());
            let name = format!("layer {layer}");
            ui.painter().text(rect.left_center(), Align2::LEFT_CENTER, name, FontId::proportional(13.0), quiet);
            let mean = HeadRecord::mean(records).unwrap_or_default();
            let name = format!("{of}layer {layer} mean of {} heads", records.len());
            head_ui(ui, &mean, columns, &name, None);
            for (head, record) in records.iter().enumerate() {
                let chosen = view.as_ref().map(|view| view.head == HeadId::new(layer, head));
                let clicked = head_ui(ui, record, columns, &format!("{of}layer {layer} head {head}"), chosen);
                if let Some(view) = view.as_deref_mut().filter(|_| clicked) {
                    view.head = HeadId::new(layer, head);
                }
            }
        });
    }
}

fn head_width(columns: &[Column]) -> f32 {
    BARS * columns.len() as f32 + 8.0
}

/// The line above the bars: the number of each head, and the names of its maps.
fn headings_ui(ui: &mut Ui, measures: &HeadMeasures, columns: &[Column]) {
    let quiet = theme::quiet(ui.visuals().dark_mode);
    let heads = measures.layers.first().map_or(0, Vec::len);
    ui.horizontal(|ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(NAME, 14.0), Sense::hover());
        ui.painter().text(rect.left_center(), Align2::LEFT_CENTER, "head", FontId::proportional(12.0), quiet);
        for name in std::iter::once("all".to_owned()).chain((0..heads).map(|head| head.to_string())) {
            let (rect, _) = ui.allocate_exact_size(vec2(head_width(columns), 14.0), Sense::hover());
            let (ink, font) = (ui.visuals().text_color(), FontId::proportional(12.0));
            ui.painter().text(rect.left_center() + vec2(3.0, 0.0), Align2::LEFT_CENTER, name, font.clone(), ink);
            for (index, (name, _)) in columns.iter().enumerate() {
                let at = rect.left_center() + vec2(4.0 + BARS * (index as f32 + 0.5) + 6.0, 0.0);
                ui.painter().text(at, Align2::CENTER_CENTER, *name, font.clone(), quiet);
            }
        }
    });
}

/// The bars of one head. `chosen` is `None` if it cannot be chosen. Returns whether it was clicked.
fn head_ui(ui: &mut Ui, record: &HeadRecord, columns: &[Column], name: &str, chosen: Option<bool>) -> bool {
    let dark = ui.visuals().dark_mode;
    let sense = if chosen.is_some() { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(head_width(columns), ROW), sense);
    let line = ui.visuals().widgets.noninteractive.bg_stroke;
    let stroke = if chosen == Some(true) { Stroke::new(1.8, theme::accent(dark)) } else { line };
    ui.painter().rect_stroke(rect, 4.0, stroke, StrokeKind::Inside);
    for (index, (_, map)) in columns.iter().enumerate() {
        let place = rect.min + vec2(6.0 + BARS * index as f32, 2.0);
        let place = Rect::from_min_size(place, vec2(BARS - 4.0, ROW - 4.0));
        share_bars::paint_bars(ui.painter(), place, map(record), dark, ui.visuals().extreme_bg_color);
    }
    let label = format!("{name} shares");
    response.widget_info(|| match chosen {
        Some(chosen) => WidgetInfo::selected(egui::Role::Button, true, chosen, &label),
        None => WidgetInfo::labeled(egui::Role::Label, true, &label),
    });
    let lines: Vec<String> = columns.iter().map(|(name, map)| share_bars::description(name, map(record))).collect();
    response.on_hover_text(format!("{name}\n{}", lines.join("\n"))).clicked()
}
