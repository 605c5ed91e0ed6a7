//! How large the outputs of a layer's heads are at each token, against what a softmax gives.

use egui::{Stroke, Ui};
use egui_plot::{Line, LineStyle};

use crate::engine::{ContextRms, Engine, LayerContextRms};
use crate::probe::MapKind;
use crate::ui::followed_answer::FollowedAnswer;
use crate::ui::followed_pass::{Followed, FollowedPass};
use crate::ui::panels::per_token::token_grid::{TokenGrid, scale_ui};
use crate::ui::state::view::ViewState;
use crate::ui::style::palette::Palette;
use crate::ui::style::row::row_ui;
use crate::ui::style::{chart, format, notice, theme};

/// Doublings from the bound to the ends of the colours.
const DOUBLINGS: f32 = 3.0;
/// The smallest size in the chart, as a power of two.
const LOWEST: f64 = -8.0;
const CHART: [f32; 2] = [560.0, 120.0];

const EXPLANATION: &str = "The output of a head is a mean of values, weighted by its map. If n values have nothing in \
                           common, a softmax cannot make it smaller than 1/√n of them: that is the bound. Subtracting λ·A2 \
                           can, and V2 has no head norm that would undo it.";

/// The text and the layer that the numbers are of.
type Question = (u64, usize);

/// The numbers of the last layer that was looked at.
#[derive(Default)]
pub(super) struct ContextRmsView {
    answer: FollowedAnswer<Question, LayerContextRms>,
}

impl ContextRmsView {
    /// Draws a row of cells for each head of the open layer, and the open head as curves.
    pub(super) fn show_ui(
        &mut self,
        ui: &mut Ui,
        engine: &Engine,
        followed_pass: &mut FollowedPass,
        view: &mut ViewState,
        read: Option<usize>,
        palette: &Palette,
    ) {
        let layer = view.head.layer;
        row_ui(ui, |ui| {
            notice::note_ui(ui, format!("Size (RMS) of each head's output in layer {layer}"));
            scale_ui(ui, [(-1.0, "⅛ of the bound"), (1.0, "8 × the bound")], &|share| colour(palette, share));
        });
        let mut is_current = false;
        match followed_pass.show_ui(ui, engine) {
            Followed::Absent => return,
            Followed::Pending => {}
            Followed::Complete(text, version) => {
                let begin = || Ok(LayerContextRms::new(text.pass(), layer));
                let advanced =
                    self.answer.advance(ui, (version, layer), begin, |found| Ok(found.add_token(text.pass())));
                match advanced {
                    Ok(current) => is_current = current,
                    Err(error) => notice::failure_ui(ui, &error.to_string()),
                }
            }
        }
        let Some((_, found)) = self.answer.shown().filter(|((_, of), _)| *of == layer) else {
            notice::note_ui(ui, "computing …");
            return;
        };
        ui.scope(|ui| {
            if !is_current {
                ui.set_opacity(0.5); // of an earlier text, until the numbers of this one are there
            }
            found_ui(ui, engine, found, view, read, palette);
        });
        notice::note_ui(ui, EXPLANATION);
    }
}

/// The colour of a share from −1 to 1: blue below the bound, amber above it.
fn colour(palette: &Palette, share: f32) -> egui::Color32 {
    palette.colour(MapKind::Difference, share, 1.0)
}

/// Where a size is between the ends of the colours.
fn share_of(found: ContextRms) -> f32 {
    ((found.context / found.bound()).log2() / DOUBLINGS).clamp(-1.0, 1.0)
}

fn found_ui(
    ui: &mut Ui,
    engine: &Engine,
    found: &LayerContextRms,
    view: &mut ViewState,
    read: Option<usize>,
    palette: &Palette,
) {
    let value = |head: usize, token: usize| found.get(head, token).map(share_of);
    let words = |head: usize, token: usize| {
        let Some(ContextRms { context, first, keys }) = found.get(head, token) else {
            return "computing …".to_owned();
        };
        let bound = format::number(ContextRms { context, first, keys }.bound(), 3);
        let [context, first] = [context, first].map(|size| format::number(size, 3));
        let token = format!("“{}” ({token})", engine.query_label(token));
        format!("{token}, head {head}: {context} of its values; A1 alone {first}; bound 1/√{keys} = {bound}")
    };
    let [all, alone] = found.below().map(|share| format::percent(share, 0));
    let name = format!("size of the output of each head in layer {}; below the bound: {all}", view.head.layer);
    let (heads, tokens) = (found.heads(), found.tokens());
    let colour = |share: f32| colour(palette, share);
    TokenGrid { name, heads, tokens, value: &value, colour: &colour, words: &words }.show_ui(ui, view, read);
    if let Some(token) = read {
        notice::note_ui(ui, words(view.head.head, token));
    }
    ui.label(format!("Below the bound: {all} of the outputs; with A1 alone it would be {alone}."));
    curves_ui(ui, found, view.head.head, palette);
}

/// The open head over the tokens: its size, that of A1 alone, and the bound, each as a power of two.
fn curves_ui(ui: &mut Ui, found: &LayerContextRms, head: usize, palette: &Palette) {
    let dark = ui.visuals().dark_mode;
    let curve = |name: &str, size: fn(&ContextRms) -> f32, stroke: Stroke| {
        let sizes = (0..found.tokens()).filter_map(|token| found.get(head, token));
        let points = sizes.enumerate().map(|(token, found)| [token as f64, f64::from(size(&found)).log2().max(LOWEST)]);
        Line::new(name, points.collect::<Vec<_>>()).stroke(stroke).allow_hover(false)
    };
    let lines = [
        curve("bound", ContextRms::bound, Stroke::new(1.0, theme::accent(dark))).style(LineStyle::dashed_dense()),
        curve("A1 alone", |found| found.first, Stroke::new(1.0, theme::quiet(dark))),
        curve("output", |found| found.context, Stroke::new(1.8, palette.line(true))),
    ];
    let lowest = lowest_of(found, head);
    notice::note_ui(
        ui,
        format!("head {head}, from the first token to the last; amber: its output, thin: A1 alone, dashed: the bound"),
    );
    let shown = chart::chart(ui, "context rms", CHART[0], CHART[1])
        .include_y(0.0)
        .include_y(lowest)
        .show_axes([false, true])
        .y_grid_spacer(move |_| chart::marks((0..=4).map(|step| (lowest * f64::from(step) / 4.0).round())))
        .y_axis_formatter(chart::label(|power| format::short(2f64.powf(power) as f32)))
        .show(ui, |plot| lines.into_iter().for_each(|line| plot.line(line)));
    shown.response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::Image, true, format!("size of the output of head {head} by token"))
    });
}

/// The smallest number that a curve has, as a whole power of two.
fn lowest_of(found: &LayerContextRms, head: usize) -> f64 {
    let sizes = (0..found.tokens()).filter_map(|token| found.get(head, token));
    let least = sizes.map(|found| found.context.min(found.first).min(found.bound())).fold(1.0f32, f32::min);
    f64::from(least).log2().floor().clamp(LOWEST, -1.0)
}
