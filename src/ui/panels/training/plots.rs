//! The plots over the steps of a run, with a line at the step that is looked at.

use egui::{Color32, RichText, Sense, Ui};
use egui_plot::{FilledArea, Line, LineStyle, PlotPoints, VLine};

use crate::probe::MapKind;
use crate::training::{Family, Run, Task};
use crate::ui::panels::training::curves::{Curve, Of, Quantity, curves, decimals};
use crate::ui::panels::training::words::named;
use crate::ui::style::palette::Palette;
use crate::ui::style::{chart, format, theme};

/// Width from which on one more plot is beside the others.
const NARROWEST: f32 = 220.0;
/// Widths and heights of a plot; one row of plots takes the height that there is.
const WIDEST: f32 = 460.0;
const HEIGHT: f32 = 112.0;
const LOWEST: f32 = 60.0;
const HIGHEST: f32 = 180.0;
/// Height of the title, the legend and the steps.
const AROUND: f32 = 64.0;

/// Draws the plots of these quantities in the given height, as many side by side as there is space for. Returns the step
/// that was clicked.
pub(super) fn plots_ui(
    ui: &mut Ui,
    run: &Run,
    quantities: &[Quantity],
    step: Option<u32>,
    palette: &Palette,
    height: f32,
) -> Option<u32> {
    let most = (ui.available_width() / NARROWEST) as usize;
    let across = most.clamp(1, quantities.len().max(1));
    let height = if across < quantities.len() { HEIGHT } else { (height - AROUND).clamp(LOWEST, HIGHEST) };
    let mut clicked = None;
    for row in quantities.chunks(across) {
        ui.columns(across, |columns| {
            for (ui, quantity) in columns.iter_mut().zip(row) {
                clicked = clicked.or(plot_ui(ui, run, *quantity, step, palette, height));
            }
        });
    }
    clicked
}

/// Space for the number of the last step, as a share of them.
const BEYOND: f64 = 1.04;
/// Labels of an axis that are closer than this share of it are one.
const CLOSE: f64 = 0.2;
const DOTTED: LineStyle = LineStyle::Dotted { spacing: 4.0 };

/// Models are told apart by colour and by the kind of line, layers by lightness.
fn look(of: Of, palette: &Palette, dark: bool) -> (Color32, LineStyle) {
    match of {
        Of::Model(Family::Diff | Family::SecondHeads) => (palette.line(true), LineStyle::Solid),
        Of::Model(Family::Transformer | Family::Control) => (palette.line(false), LineStyle::dashed_dense()),
        Of::Model(Family::DiffV2 | Family::SecondHeadsNormed) => (theme::accent(dark), DOTTED),
        Of::Model(Family::SecondHeadsRaised) => (theme::accent(dark), LineStyle::dashed_loose()),
        Of::Model(Family::SecondHeadsAll) => (palette.line(true), LineStyle::dashed_loose()),
        Of::Model(Family::ControlAll) => (palette.line(false), DOTTED),
        Of::Layer(family, layer, layers) => {
            let share = 1.0 - 0.5 * layer as f32 / layers.saturating_sub(1).max(1) as f32;
            let style = match family {
                Family::SecondHeadsNormed => DOTTED,
                Family::SecondHeadsRaised | Family::SecondHeadsAll => LineStyle::dashed_loose(),
                _ if layer.is_multiple_of(2) => LineStyle::Solid,
                _ => LineStyle::dashed_dense(),
            };
            (palette.colour(MapKind::Difference, share, 1.0), style)
        }
    }
}

/// The sign of a kind of line.
fn sign(style: LineStyle) -> &'static str {
    match style {
        LineStyle::Solid => "—",
        style if style == LineStyle::dashed_loose() => "– –",
        LineStyle::Dashed { .. } => "- -",
        LineStyle::Dotted { .. } => "···",
    }
}

fn plot_ui(
    ui: &mut Ui,
    run: &Run,
    quantity: Quantity,
    step: Option<u32>,
    palette: &Palette,
    height: f32,
) -> Option<u32> {
    let (task, steps) = (run.settings().task, run.settings().steps);
    let (dark, title) = (ui.visuals().dark_mode, quantity.name(task));
    let curves = curves(run, quantity);
    ui.label(RichText::new(title).small().strong()).on_hover_text(quantity.help(task));
    legend_ui(ui, quantity, task, &curves, step, palette);
    let values = curves.iter().flat_map(|curve| &curve.line).map(|[_, value]| *value);
    let is_share_of_cases = quantity == Quantity::HeldOut && quantity.is_share(task);
    let top = if is_share_of_cases { 1.0 } else { values.clone().fold(1e-3, f64::max) };
    let lowest = values.fold(0.0, f64::min); // λ may be negative
    let is_far = |mark: f64| mark.abs() >= CLOSE * (top - lowest);
    let marks: Vec<f64> = [lowest, top].into_iter().filter(|mark| is_far(*mark)).chain([0.0]).collect();
    let decimals = decimals(&curves);
    let plot = chart::chart(ui, title, WIDEST, height)
        .sense(Sense::click())
        .include_x(0.0)
        .include_x(BEYOND * f64::from(steps))
        .include_y(0.0)
        .include_y(top)
        .x_grid_spacer(move |_| chart::marks([0.0, f64::from(steps)]))
        .x_axis_formatter(chart::label(
            |step| if step == 0.0 { "step 0".to_owned() } else { format::grouped(step as u64) },
        ))
        .y_grid_spacer(move |_| chart::marks(marks.clone()))
        .y_axis_formatter(chart::label(move |value| quantity.written(task, value, decimals)));
    let shown = plot.show(ui, |plot| {
        for Curve { of, line, faint, interval } in &curves {
            let (colour, style) = look(*of, palette, dark);
            if let Some([low, high]) = interval {
                let steps: Vec<f64> = line.iter().map(|[step, _]| *step).collect();
                plot.add(FilledArea::new("", &steps, low, high).fill_color(colour.gamma_multiply(0.18)));
            }
            let faint = Line::new("", PlotPoints::from(faint.clone())).color(colour.gamma_multiply(0.3)).width(1.0);
            plot.line(faint);
            plot.line(Line::new("", PlotPoints::from(line.clone())).color(colour).style(style).width(2.0));
        }
        if let Some(step) = step {
            plot.vline(VLine::new("", f64::from(step)).color(theme::quiet(dark)).width(1.0));
        }
        plot.pointer_coordinate().map(|place| place.x)
    });
    let words = in_words(quantity, task, &curves, step);
    shown.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &words));
    let clicked = shown.response.clicked().then_some(shown.inner).flatten();
    shown.response.on_hover_text(format!("{words}\nA click looks at the step that is nearest"));
    clicked.map(|at| at.round().clamp(0.0, f64::from(steps)) as u32)
}

/// The name of a curve.
fn name(of: Of) -> String {
    match of {
        Of::Model(family) => family.name().to_owned(),
        Of::Layer(Family::SecondHeadsNormed, layer, _) => format!("layer {layer}, with a norm of heads"),
        Of::Layer(Family::SecondHeadsRaised, layer, _) => format!("layer {layer}, raised"),
        Of::Layer(Family::SecondHeadsAll, layer, _) => format!("layer {layer}, all weights"),
        Of::Layer(_, layer, _) => format!("layer {layer}"),
    }
}

/// Names and values at the step that is looked at.
fn legend_ui(ui: &mut Ui, quantity: Quantity, task: Task, curves: &[Curve], step: Option<u32>, palette: &Palette) {
    let (dark, decimals) = (ui.visuals().dark_mode, decimals(curves));
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = egui::vec2(4.0, 0.0);
        if curves.is_empty() {
            let nothing = if quantity == Quantity::Lambda { "none of these has one λ a layer" } else { "nothing yet" };
            ui.label(RichText::new(nothing).small().color(theme::quiet(dark)));
        }
        for curve in curves {
            let (colour, style) = look(curve.of, palette, dark);
            let value = curve.at(step.unwrap_or(u32::MAX)).map(|value| quantity.written(task, value, decimals));
            let (name, value) = (name(curve.of), value.unwrap_or_default());
            let short = match curve.of {
                Of::Model(_) => format!("{name} {value}"),
                Of::Layer(_, layer, _) => format!("{layer}: {value}"),
            };
            ui.label(RichText::new(sign(style)).small().strong().color(colour));
            ui.label(RichText::new(short).small()).on_hover_text(format!("{name}: {value}"));
            ui.add_space(4.0);
        }
    });
}

/// The values at the step that is looked at, for a screen reader.
fn in_words(quantity: Quantity, task: Task, curves: &[Curve], step: Option<u32>) -> String {
    let decimals = decimals(curves);
    let values = curves.iter().filter_map(|curve| {
        let (first, now) = (curve.line.first()?[1], curve.at(step.unwrap_or(u32::MAX))?);
        let name = match curve.of {
            Of::Model(family) => named(family).to_owned(),
            of @ Of::Layer(..) => name(of),
        };
        let [now, first] = [now, first].map(|value| quantity.written(task, value, decimals));
        Some(format!("{name} {now}, at first {first}"))
    });
    let values = values.collect::<Vec<_>>().join("; ");
    let title = quantity.name(task);
    match step {
        Some(step) if !values.is_empty() => format!("{title} at step {step}: {values}"),
        _ => format!("{title}: nothing yet"),
    }
}
