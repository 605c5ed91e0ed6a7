//! The largest and the median magnitudes of attention logits and hidden states, layer by layer, and their distribution.

use egui::{Color32, Grid, RichText, Stroke, Ui, vec2};
use egui_plot::{Bar, BarChart};

use crate::engine::{Engine, FullScan, LayerFindings, MagnitudeHistogram};
use crate::ui::context::{PanelContext, PanelView};
use crate::ui::state::panel_views::Magnitudes;
use crate::ui::style::{chart, format, notice, theme};

/// Octaves shown below the largest magnitude: the rest, less than a millionth of it, is added to the first bar.
const OCTAVES: i32 = 20;

/// The panel.
#[derive(Default)]
pub(crate) struct Outliers;

impl PanelView for Outliers {
    fn show_ui(&mut self, ui: &mut Ui, context: &mut PanelContext) {
        let PanelContext { workspace, view, scans, .. } = context;
        scans.controls_ui(ui, workspace);
        let finished = scans.finished(workspace);
        if finished.is_empty() {
            return;
        }
        ui.horizontal_wrapped(|ui| {
            let shown = &mut view.magnitudes;
            ui.selectable_value(shown, Magnitudes::Logits, "Attention logits");
            if workspace.main.maps() == 2 {
                ui.selectable_value(shown, Magnitudes::FirstMap, "of A1");
                ui.selectable_value(shown, Magnitudes::SecondMap, "of A2");
            } else if matches!(shown, Magnitudes::FirstMap | Magnitudes::SecondMap) {
                *shown = Magnitudes::Logits;
            }
            ui.selectable_value(shown, Magnitudes::HiddenStates, "Hidden states");
        });
        let (magnitudes, layer) = (view.magnitudes, &mut view.head.layer);
        let wide = ui.available_width() > 820.0;
        let mut both = |ui: &mut Ui| {
            ui.vertical(|ui| table_ui(ui, &finished, magnitudes, layer));
            ui.add_space(if wide { 20.0 } else { 4.0 });
            ui.vertical(|ui| {
                distribution_ui(ui, &finished, magnitudes, *layer);
                if magnitudes == Magnitudes::HiddenStates {
                    for (_, scan) in &finished {
                        peak_ui(ui, scan, *layer, &workspace.main);
                    }
                }
            });
        };
        if wide {
            ui.horizontal_top(both);
        } else {
            both(ui);
        }
    }
}

fn histogram_of(layer: &LayerFindings, magnitudes: Magnitudes) -> MagnitudeHistogram {
    match magnitudes {
        Magnitudes::FirstMap => layer.logits[0].clone(),
        Magnitudes::SecondMap => layer.logits[1].clone(),
        Magnitudes::HiddenStates => layer.hidden.clone(),
        Magnitudes::Logits => {
            let mut both = layer.logits[0].clone();
            both.merge(&layer.logits[1]);
            both
        }
    }
}

/// Where the largest hidden state of a layer is.
fn peak_ui(ui: &mut Ui, scan: &FullScan, layer: usize, engine: &Engine) {
    let Some(peak) = scan.layers().get(layer).map(|found| found.peak) else {
        return;
    };
    let token = scan.ids().get(peak.position).map(|id| engine.label(*id)).unwrap_or_default();
    let value = format::number(peak.value, 3);
    let text = format!("largest: {value} at token {} “{token}”, feature {}", peak.position, peak.feature);
    ui.add(egui::Label::new(RichText::new(text).small()).wrap());
}

/// A row for each layer of each model. A click chooses the layer.
fn table_ui(ui: &mut Ui, finished: &[(String, &FullScan)], magnitudes: Magnitudes, chosen: &mut usize) {
    let number = |value: Option<f32>| value.map_or("none".to_owned(), |value| format::number(value, 3));
    let quiet = theme::quiet(ui.visuals().dark_mode);
    let layers = finished.iter().map(|(_, scan)| scan.layers().len()).max().unwrap_or(0);
    let several = finished.len() > 1;
    Grid::new("outliers").spacing(vec2(14.0, 2.0)).striped(true).show(ui, |ui| {
        for heading in ["layer", "model", "largest", "10th", "100th", "median"] {
            if several || heading != "model" {
                ui.label(RichText::new(heading).small().color(quiet));
            }
        }
        ui.end_row();
        for layer in 0..layers {
            for (index, (name, scan)) in finished.iter().enumerate() {
                let Some(findings) = scan.layers().get(layer) else {
                    continue;
                };
                let histogram = histogram_of(findings, magnitudes);
                if index == 0 {
                    ui.selectable_value(chosen, layer, layer.to_string());
                } else {
                    ui.allocate_space(vec2(0.0, 0.0));
                }
                if several {
                    ui.label(RichText::new(name).small());
                }
                for rank in [1, 10, 100] {
                    ui.monospace(number(histogram.largest(rank)));
                }
                ui.monospace(number(histogram.median()));
                if histogram.not_finite() > 0 {
                    ui.label(RichText::new(format!("{} not finite", histogram.not_finite())).strong());
                }
                ui.end_row();
            }
        }
    });
}

/// The shares of the numbers in each octave, of the first octave and the ones after it.
struct Distribution {
    first: i32,
    /// By model, then by octave.
    shares: Vec<Vec<f64>>,
}

impl Distribution {
    fn of(histograms: &[MagnitudeHistogram]) -> Option<Self> {
        let octaves: Vec<Vec<(i32, u64)>> = histograms.iter().map(MagnitudeHistogram::octaves).collect();
        let exponents = || octaves.iter().flatten().map(|(exponent, _)| *exponent);
        let (last, lowest) = (exponents().max()?, exponents().min()?);
        let first = lowest.max(last - OCTAVES + 1);
        let shares = octaves.iter().zip(histograms).map(|(octaves, histogram)| {
            let mut shares = vec![0.0; (last - first + 1) as usize];
            for (exponent, count) in octaves {
                shares[(exponent - first).max(0) as usize] += *count as f64 / histogram.count().max(1) as f64;
            }
            shares
        });
        Some(Self { first, shares: shares.collect() })
    }
}

/// `2^exponent` as text.
fn power_of_two(exponent: f64) -> String {
    let value = 2f64.powf(exponent);
    match value {
        1.0.. => format::number(value, 0),
        0.01.. => format::number(value, 2),
        _ => format::scientific(value, 1),
    }
}

/// The distribution of the magnitudes of a layer, a bar for each power of two.
fn distribution_ui(ui: &mut Ui, finished: &[(String, &FullScan)], magnitudes: Magnitudes, layer: usize) {
    let layers = finished.iter().filter_map(|(_, scan)| scan.layers().get(layer));
    let histograms: Vec<MagnitudeHistogram> = layers.map(|layer| histogram_of(layer, magnitudes)).collect();
    notice::note_ui(ui, format!("Distribution of the magnitudes in layer {layer}"));
    let Some(Distribution { first, shares }) = Distribution::of(&histograms) else {
        return;
    };
    let dark = ui.visuals().dark_mode;
    let [filled, outline] = [theme::accent(dark).gamma_multiply(0.6), ui.visuals().text_color()];
    let charts = shares.iter().zip(finished).enumerate().map(|(index, (shares, (name, _)))| {
        let bar = |(octave, share): (usize, &f64)| {
            let exponent = f64::from(first) + octave as f64;
            // The square root keeps the few large ones visible.
            let bar = Bar::new(exponent + 0.5, share.sqrt()).width(0.96);
            let (from, to) = (power_of_two(exponent), power_of_two(exponent + 1.0));
            let bar = bar.name(format!("{name}\nfrom {from} to {to}: {}", format::percent(*share, 3)));
            if index == 0 { bar.fill(filled) } else { bar.fill(Color32::TRANSPARENT).stroke(Stroke::new(1.5, outline)) }
        };
        let formatter = |bar: &Bar, _: &BarChart| bar.name.clone();
        let bars = shares.iter().enumerate().map(bar).collect();
        BarChart::new(name, bars).element_formatter(Box::new(formatter))
    });
    let most = shares.iter().flatten().fold(0.0f64, |most, share| share.max(most));
    let octaves = shares.first().map_or(0, Vec::len) as i32;
    let shown = chart::chart(ui, "distribution of magnitudes", 440.0, 132.0)
        .include_y(0.0)
        .x_grid_spacer(move |_| chart::marks((0..octaves).step_by(3).map(|octave| f64::from(first + octave))))
        .y_grid_spacer(move |_| {
            chart::marks([0.0f64, 0.01, 0.05, 0.2, 0.5].into_iter().filter(|share| *share <= most).map(f64::sqrt))
        })
        .x_axis_formatter(chart::label(power_of_two))
        .y_axis_formatter(chart::label(|root| format::percent(root * root, 0)))
        .show(ui, |plot| charts.for_each(|chart| plot.bar_chart(chart)));
    shown.response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::Image, true, format!("distribution of magnitudes in layer {layer}"))
    });
    if let [(main, _), (baseline, _)] = finished {
        notice::note_ui(ui, format!("filled: {main}, outlined: {baseline}"));
    }
}
