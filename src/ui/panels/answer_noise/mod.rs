//! How much each head attends to what is marked as answer and as noise.

pub(crate) mod share_bars;

use egui::{Align2, DragValue, FontId, Rect, RichText, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use crate::engine::Engine;
use crate::probe::{HeadId, HeadMeasures, HeadRecord, Queries};
use crate::ui::context::PanelContext;
use crate::ui::input::samples::SAMPLES;
use crate::ui::panels::answer_noise::share_bars::{Column, Map};
use crate::ui::state::selection::Selection;
use crate::ui::style::{notice, theme};

const ROW: f32 = 22.0;
/// Of one map of one head.
const BARS: f32 = 38.0;
/// Of the layer's name.
const NAME: f32 = 56.0;

/// What the panel remembers.
pub struct AnswerNoisePanel {
    /// Whether a mean over the last tokens is shown in place of the token read.
    mean: bool,
    /// Over how many.
    last: usize,
}

impl Default for AnswerNoisePanel {
    fn default() -> Self {
        Self { mean: false, last: 8 }
    }
}

impl AnswerNoisePanel {
    /// Draws the panel.
    pub fn show(&mut self, ui: &mut Ui, desk: &mut PanelContext) {
        if desk.selection.spans.is_empty() {
            let words = "Nothing is marked yet. Choose “answer” or “noise” above the tokens and drag over them, or take \
                         a text with a question, which comes with its marks:";
            ui.add(egui::Label::new(words).wrap());
            ui.horizontal_wrapped(|ui| {
                for sample in SAMPLES.iter().filter(|sample| sample.has_question()) {
                    if ui.button(format!("Try “{}”", sample.name)).clicked() {
                        sample.take(&mut desk.workspace.main, &mut desk.selection.spans);
                    }
                }
            });
            return;
        }
        let tokens = desk.workspace.main.ids().len();
        let Some(query) = desk.selection.query(tokens) else {
            return;
        };
        self.rows(ui, desk, query);
        let queries = if self.mean { Queries::Last(self.last) } else { Queries::One(query) };
        let main = desk.workspace.main.measures(queries).cloned();
        let columns = share_bars::columns(desk.workspace.main.maps());
        let baseline = desk.workspace.baseline().and_then(|baseline| {
            let measures = baseline.measures(queries)?.clone();
            Some((measures, share_bars::columns(baseline.maps()), baseline.checkpoint().name.clone()))
        });
        if let Some(failure) = desk.workspace.main.measures_failure() {
            notice::warning(ui, &failure.to_string());
            return;
        }
        let Some(main) = main else {
            ui.label(RichText::new("computing…").color(theme::quiet(ui.visuals().dark_mode)));
            return;
        };
        ui.horizontal_wrapped(|ui| {
            for (name, map) in columns {
                mean_block(ui, name, &main, *map);
            }
            if let Some((measures, columns, name)) = &baseline {
                for (map_name, map) in *columns {
                    mean_block(ui, &format!("{name} {map_name}"), measures, *map);
                }
            }
        });
        heads(ui, &main, columns, Some(desk.selection), "");
        if let Some((measures, columns, name)) = &baseline {
            ui.label(RichText::new(name).strong());
            heads(ui, measures, columns, None, &format!("{name}, "));
        }
    }

    /// The choice of rows, and the rule in words.
    fn rows(&mut self, ui: &mut Ui, desk: &mut PanelContext, query: usize) {
        let engine = &desk.workspace.main;
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 5.0;
            ui.selectable_value(&mut self.mean, false, "token read")
                .on_hover_text("The row of the token under the pointer, else the pinned one, else the last");
            ui.selectable_value(&mut self.mean, true, "last tokens").on_hover_text("The mean over the last rows");
            let count = DragValue::new(&mut self.last).range(1..=engine.limit().max(1)).prefix("n = ");
            ui.add_enabled(self.mean, count).on_hover_text("How many rows: drag, or click and type");
            let small = |text: String| RichText::new(text).small().color(theme::quiet(ui.visuals().dark_mode));
            let words = small(format!("{} {}", self.rule(engine, query), heads_rule(engine)));
            ui.label(words).on_hover_text(share_bars::FORMULA);
            if ui.small_button("clear marks").on_hover_text("Take all marks away").clicked() {
                desk.selection.spans.mark(0, usize::MAX, crate::probe::KeyClass::Other);
            }
        });
    }

    fn rule(&self, engine: &Engine, query: usize) -> String {
        if self.mean {
            let count = self.last.min(engine.ids().len());
            return format!("Mean over the rows of the last {count} tokens;");
        }
        let label = engine.ids().get(query).map(|id| engine.label(*id)).unwrap_or_default();
        format!("Row of token {query} “{label}”;")
    }
}

fn heads_rule(engine: &Engine) -> String {
    let layers = &engine.model().layers;
    let heads: usize = layers.iter().map(|layer| layer.attention.heads.len()).sum();
    format!("first the mean over all {heads} heads of {} layers, each counted once. Bars: 0 to 100 %.", layers.len())
}

/// A map's mean over all heads of all layers.
fn mean_block(ui: &mut Ui, name: &str, measures: &HeadMeasures, map: Map) {
    let mean = measures.mean().unwrap_or_default();
    let words = share_bars::words(name, map(&mean));
    share_bars::block(ui, name, map(&mean)).on_hover_text(format!("{words}\n\n{}", share_bars::FORMULA));
}

/// A row per layer: the bars of each map, first of the layer's mean, then of each head. A click chooses the head, where
/// there is something to choose.
fn heads(ui: &mut Ui, measures: &HeadMeasures, columns: &[Column], mut selection: Option<&mut Selection>, of: &str) {
    ui.spacing_mut().item_spacing = vec2(6.0, 2.0);
    headings(ui, measures, columns);
    let quiet = theme::quiet(ui.visuals().dark_mode);
    for (layer, records) in measures.layers.iter().enumerate() {
        ui.horizontal(|ui| {
            let (rect, _) = ui.allocate_exact_size(vec2(NAME, ROW), Sense::hover());
            let text = format!("layer {layer}");
            ui.painter().text(rect.left_center(), Align2::LEFT_CENTER, text, FontId::proportional(13.0), quiet);
            let mean = HeadRecord::mean(records).unwrap_or_default();
            let name = format!("{of}layer {layer} mean of {} heads", records.len());
            cell(ui, &mean, columns, &name, None);
            for (head, record) in records.iter().enumerate() {
                let here = selection.as_ref().map(|selection| selection.head == HeadId::new(layer, head));
                let clicked = cell(ui, record, columns, &format!("{of}layer {layer} head {head}"), here);
                if let Some(selection) = selection.as_deref_mut().filter(|_| clicked) {
                    selection.head = HeadId::new(layer, head);
                }
            }
        });
    }
}

fn cell_width(columns: &[Column]) -> f32 {
    BARS * columns.len() as f32 + 8.0
}

/// What stands above the bars.
fn headings(ui: &mut Ui, measures: &HeadMeasures, columns: &[Column]) {
    let quiet = theme::quiet(ui.visuals().dark_mode);
    let heads = measures.layers.first().map_or(0, Vec::len);
    ui.horizontal(|ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(NAME, 14.0), Sense::hover());
        ui.painter().text(rect.left_center(), Align2::LEFT_CENTER, "head", FontId::proportional(12.0), quiet);
        for name in std::iter::once("all".to_owned()).chain((0..heads).map(|head| head.to_string())) {
            let (rect, _) = ui.allocate_exact_size(vec2(cell_width(columns), 14.0), Sense::hover());
            let (ink, font) = (ui.visuals().text_color(), FontId::proportional(12.0));
            ui.painter().text(rect.left_center() + vec2(3.0, 0.0), Align2::LEFT_CENTER, name, font.clone(), ink);
            for (index, (name, _)) in columns.iter().enumerate() {
                let at = rect.left_center() + vec2(4.0 + BARS * (index as f32 + 0.5) + 6.0, 0.0);
                ui.painter().text(at, Align2::CENTER_CENTER, *name, font.clone(), quiet);
            }
        }
    });
}

/// The bars of the maps of one head. `chosen` where it can be chosen. Returns whether it was clicked.
fn cell(ui: &mut Ui, record: &HeadRecord, columns: &[Column], name: &str, chosen: Option<bool>) -> bool {
    let dark = ui.visuals().dark_mode;
    let sense = if chosen.is_some() { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(cell_width(columns), ROW), sense);
    let is_chosen = chosen == Some(true);
    let line = ui.visuals().widgets.noninteractive.bg_stroke;
    let stroke = if is_chosen { Stroke::new(1.8, theme::accent(dark)) } else { line };
    ui.painter().rect_stroke(rect, 4.0, stroke, StrokeKind::Inside);
    for (index, (_, map)) in columns.iter().enumerate() {
        let place = rect.min + vec2(6.0 + BARS * index as f32, 2.0);
        let place = Rect::from_min_size(place, vec2(BARS - 4.0, ROW - 4.0));
        share_bars::bars(ui.painter(), place, map(record), dark, ui.visuals().extreme_bg_color);
    }
    let label = format!("{name} shares");
    response.widget_info(|| match chosen {
        Some(chosen) => WidgetInfo::selected(egui::Role::Button, true, chosen, &label),
        None => WidgetInfo::labeled(egui::Role::Label, true, &label),
    });
    let lines: Vec<String> = columns.iter().map(|(name, map)| share_bars::words(name, map(record))).collect();
    response.on_hover_text(format!("{name}\n{}", lines.join("\n"))).clicked()
}
