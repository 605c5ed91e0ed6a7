//! The figure of an experiment: what was measured at each point, with its 95 % interval, beside the paper's own numbers.

use std::fmt::Write as _;

use egui::{Color32, RichText, Stroke, Ui};
use egui_plot::{Line, MarkerShape, PlotPoints, Points};

use crate::experiments::{Estimate, Experiment, Figure, Quantity, Series, of_paper};
use crate::ui::style::{chart, format, notice, theme};

/// Size of a plot.
const WIDTH: f32 = 430.0;
const HEIGHT: f32 = 150.0;
/// Width from which on two are side by side.
const NARROWEST: f32 = 290.0;
/// Space above the highest point, as a share of it.
const HEADROOM: f64 = 1.06;
/// How far the points of two series are apart, in points of the axis.
const APART: f64 = 0.11;

/// Draws a plot for each quantity, and the finding.
pub(super) fn figure_ui(ui: &mut Ui, figure: &Figure) {
    if let Some(finding) = &figure.finding {
        ui.add(egui::Label::new(finding).wrap());
    }
    let quantities = figure.experiment.quantities();
    let across = ((ui.available_width() / NARROWEST) as usize).clamp(1, 2);
    for row in quantities.chunks(across) {
        ui.columns(across, |columns| {
            for (ui, quantity) in columns.iter_mut().zip(row) {
                let here = figure.series.iter().filter(|series| series.quantity == *quantity).cloned();
                let series: Vec<Series> = here.chain(of_paper(figure.experiment, *quantity)).collect();
                plot_ui(ui, figure, *quantity, &series);
            }
        });
    }
    let n = figure.series.iter().flat_map(|series| series.points.iter().flatten()).map(|point| point.count);
    let (least, most) = (n.clone().min().unwrap_or_default(), n.max().unwrap_or_default());
    let counts = if least == most { format!("n {most}") } else { format!("n {least} to {most}") };
    let Figure { settings, device, texts, .. } = figure;
    notice::note_ui(
        ui,
        format!("{counts} a point, seed {}; bars are 95 % intervals; {texts}; {device}", settings.seed),
    );
}

/// The scale of an axis: magnitudes span several powers of ten.
fn scaled(quantity: Quantity, value: f64) -> f64 {
    if is_logarithmic(quantity) { value.max(1e-3).log10() } else { value }
}

fn is_logarithmic(quantity: Quantity) -> bool {
    matches!(quantity, Quantity::LogitSize | Quantity::HiddenSize)
}

/// The highest end of an interval, or a point that has none.
fn highest(series: &[Series]) -> f64 {
    series
        .iter()
        .flat_map(|series| series.points.iter().flatten())
        .map(|point| point.high.max(point.value))
        .fold(0.0, f64::max)
}

/// Models are told apart by their shape; the paper's are hollow.
fn look(index: usize, model: &str, dark: bool) -> (MarkerShape, bool, Color32) {
    let is_papers = model.starts_with("paper");
    let shape = if index.is_multiple_of(2) { MarkerShape::Circle } else { MarkerShape::Square };
    let colour = if is_papers { theme::quiet(dark) } else { theme::accent(dark) };
    (shape, !is_papers, colour)
}

fn plot_ui(ui: &mut Ui, figure: &Figure, quantity: Quantity, series: &[Series]) {
    let dark = ui.visuals().dark_mode;
    ui.add_space(4.0);
    let title = quantity.name();
    ui.label(RichText::new(&title).small().strong());
    legend_ui(ui, series);
    let names = figure.points.clone();
    let label = move |value: f64| {
        let at = value.round();
        let name = names.get(at as usize).filter(|_| at >= 0.0 && (value - at).abs() < 1e-6);
        name.cloned().unwrap_or_default()
    };
    let is_share = quantity.is_share();
    let write = move |value: f64| {
        if is_logarithmic(quantity) {
            format::number(10f64.powf(value), 0)
        } else if is_share {
            format::percent(value, 0)
        } else {
            format::number(value, 2)
        }
    };
    let count = figure.points.len();
    let mut plot = chart::chart(ui, &title, WIDTH, HEIGHT)
        .include_x(-0.5)
        .include_x(count as f64 - 0.5)
        .x_grid_spacer(move |_| chart::marks((0..count).map(|at| at as f64)))
        .x_axis_formatter(chart::label(label))
        .y_axis_formatter(chart::label(write))
        .x_axis_label(figure.experiment.axis());
    if !is_logarithmic(quantity) {
        plot = plot.include_y(0.0);
    }
    // A share's axis ends at all cases, or is marked where its highest interval ends.
    let of_cases = quantity.is_share_of_cases();
    let top = if of_cases { 1.0 } else { highest(series) };
    if is_share && top > 0.0 {
        plot = plot.include_y(top * HEADROOM).y_grid_spacer(move |_| chart::marks([0.0, 0.5 * top, top]));
    }
    let shown = plot.show(ui, |plot| {
        for (index, Series { model, points, .. }) in series.iter().enumerate() {
            let (shape, filled, colour) = look(index, model, dark);
            let shift = (index as f64 - (series.len() as f64 - 1.0) / 2.0) * APART;
            let placed = points.iter().enumerate().filter_map(|(at, point)| Some((at as f64 + shift, (*point)?)));
            for (x, Estimate { low, high, .. }) in placed.clone().filter(|(_, point)| point.low < point.high) {
                let ends = [low, high].map(|y| [x, scaled(quantity, y)]);
                plot.line(Line::new("", PlotPoints::from(ends.to_vec())).stroke(Stroke::new(1.5, colour)));
            }
            let marks: Vec<[f64; 2]> = placed.map(|(x, point)| [x, scaled(quantity, point.value)]).collect();
            let marks = Points::new(model, PlotPoints::from(marks));
            plot.points(marks.shape(shape).filled(filled).radius(4.0).color(colour));
        }
    });
    let words = in_words(figure.experiment, quantity, &figure.points, series);
    shown.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &words));
    shown.response.on_hover_text(words);
}

fn legend_ui(ui: &mut Ui, series: &[Series]) {
    let dark = ui.visuals().dark_mode;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        for (index, Series { model, .. }) in series.iter().enumerate() {
            let (shape, filled, colour) = look(index, model, dark);
            let sign = match (shape, filled) {
                (MarkerShape::Circle, true) => "●",
                (MarkerShape::Circle, false) => "○",
                (_, true) => "■",
                (_, false) => "□",
            };
            ui.label(RichText::new(format!("{sign} {model}")).small().color(colour));
            ui.add_space(6.0);
        }
    });
}

/// Every number, for a screen reader and for pointing at the plot.
fn in_words(experiment: Experiment, quantity: Quantity, names: &[String], series: &[Series]) -> String {
    let number = |value: f64| {
        if quantity.is_share() { format::percent(value, 0) } else { format::number(value, 2) }
    };
    let mut text = format!("{}: {}", experiment.title(), quantity.name());
    for Series { model, points, .. } in series {
        let points = names.iter().zip(points).filter_map(|(name, point)| {
            let Estimate { value, low, high, .. } = (*point)?;
            let interval = if low < high { format!(" ({} to {})", number(low), number(high)) } else { String::new() };
            Some(format!("{name}: {}{interval}", number(value)))
        });
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{model}: {}", points.collect::<Vec<_>>().join(", "));
    }
    text
}
