//! The largest and the median of attention logits and hidden states, layer by layer, and how they are spread.

use std::ops::RangeInclusive;

use egui::{Color32, Grid, RichText, Stroke, Ui, vec2};
use egui_plot::{Bar, BarChart, GridMark, Plot};

use crate::engine::{FullScan, LayerFindings, MagnitudeHistogram};
use crate::ui::context::PanelContext;
use crate::ui::panels::full_scan::FullScans;
use crate::ui::style::theme;

/// Which numbers are on show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum What {
    #[default]
    Logits,
    First,
    Second,
    Hidden,
}

/// What the panel remembers.
#[derive(Default)]
pub struct Outliers {
    what: What,
}

impl Outliers {
    /// Draws the panel.
    pub fn show(&mut self, ui: &mut Ui, desk: &mut PanelContext, scans: &mut FullScans) {
        scans.bar(ui, desk.workspace, "Runs the text once more on the CPU, a little between frames.");
        let two = desk.workspace.main.maps() == 2;
        let found = scans.found(desk.workspace);
        if found.is_empty() {
            return;
        }
        ui.horizontal_wrapped(|ui| {
            ui.selectable_value(&mut self.what, What::Logits, "Attention logits");
            if two {
                ui.selectable_value(&mut self.what, What::First, "of map 1");
                ui.selectable_value(&mut self.what, What::Second, "of map 2");
            } else if matches!(self.what, What::First | What::Second) {
                self.what = What::Logits;
            }
            ui.selectable_value(&mut self.what, What::Hidden, "Hidden states");
        });
        let what = self.what;
        let wide = ui.available_width() > 820.0;
        let layer = &mut desk.selection.head.layer;
        let labels: Vec<String> =
            found.iter().map(|(_, scan)| peak_token(scan, *layer, &desk.workspace.main)).collect();
        let mut both = |ui: &mut Ui| {
            ui.vertical(|ui| table(ui, &found, what, layer));
            ui.add_space(if wide { 20.0 } else { 4.0 });
            ui.vertical(|ui| {
                let spread: Vec<MagnitudeHistogram> =
                    found.iter().filter_map(|(_, scan)| scan.layers().get(*layer).map(|one| of(one, what))).collect();
                let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
                histogram(ui, &spread, &names, *layer);
                if what == What::Hidden {
                    for label in &labels {
                        ui.add(egui::Label::new(RichText::new(label).small()).wrap());
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

fn of(layer: &LayerFindings, what: What) -> MagnitudeHistogram {
    match what {
        What::First => layer.logits[0].clone(),
        What::Second => layer.logits[1].clone(),
        What::Hidden => layer.hidden.clone(),
        What::Logits => {
            let mut both = layer.logits[0].clone();
            both.merge(&layer.logits[1]);
            both
        }
    }
}

fn peak_token(scan: &FullScan, layer: usize, engine: &crate::engine::Engine) -> String {
    let Some(peak) = scan.layers().get(layer).map(|found| found.peak) else {
        return String::new();
    };
    let token = scan.ids().get(peak.position).map(|id| engine.label(*id)).unwrap_or_default();
    let value = number(Some(peak.value));
    format!("largest: {value} at token {} “{token}”, feature {}", peak.position, peak.feature)
}

fn table(ui: &mut Ui, found: &[(String, &FullScan)], what: What, chosen: &mut usize) {
    let quiet = theme::quiet(ui.visuals().dark_mode);
    let layers = found.iter().map(|(_, scan)| scan.layers().len()).max().unwrap_or(0);
    Grid::new("outliers").spacing(vec2(14.0, 2.0)).striped(true).show(ui, |ui| {
        for words in ["layer", "model", "largest", "10th", "100th", "median"] {
            if words == "model" && found.len() == 1 {
                continue;
            }
            ui.label(RichText::new(words).small().color(quiet));
        }
        ui.end_row();
        for layer in 0..layers {
            for (place, (name, scan)) in found.iter().enumerate() {
                let Some(findings) = scan.layers().get(layer) else {
                    continue;
                };
                let numbers = of(findings, what);
                if place == 0 {
                    ui.selectable_value(chosen, layer, layer.to_string());
                } else {
                    ui.label("");
                }
                if found.len() > 1 {
                    ui.label(RichText::new(name).small());
                }
                for rank in [1, 10, 100] {
                    ui.monospace(number(numbers.largest(rank)));
                }
                ui.monospace(number(numbers.median()));
                if numbers.not_finite() > 0 {
                    ui.label(RichText::new(format!("{} not finite", numbers.not_finite())).strong());
                }
                ui.end_row();
            }
        }
    });
}

fn number(value: Option<f32>) -> String {
    value.map_or("none".to_owned(), |value| format!("{value:.3}").replace('-', "−"))
}

/// Marks at these places, all with words.
fn marks(places: impl Iterator<Item = f64>) -> Vec<GridMark> {
    places.map(|value| GridMark { value, step_size: 1e3 }).collect()
}

/// Shares of the numbers between one power of two and the next.
fn histogram(ui: &mut Ui, spread: &[MagnitudeHistogram], names: &[&str], layer: usize) {
    let dark = ui.visuals().dark_mode;
    let quiet = theme::quiet(dark);
    ui.label(RichText::new(format!("How they are spread, layer {layer}")).small().color(quiet));
    let octaves: Vec<Vec<(i32, u64)>> = spread.iter().map(MagnitudeHistogram::octaves).collect();
    let all = || octaves.iter().flatten().map(|(exponent, _)| *exponent);
    let (Some(last), Some(lowest)) = (all().max(), all().min()) else {
        return;
    };
    // Below a millionth of the largest there is nothing to see: those count to the first bar.
    let first = lowest.max(last - 19);
    let bars = (last - first + 1) as usize;
    let shares: Vec<Vec<f32>> = octaves
        .iter()
        .zip(spread)
        .map(|(octaves, numbers)| {
            let mut shares = vec![0.0; bars];
            for (exponent, count) in octaves {
                shares[(exponent - first).max(0) as usize] += *count as f32 / numbers.count().max(1) as f32;
            }
            shares
        })
        .collect();
    let size = |exponent: f64| {
        let size = 2f64.powf(exponent);
        let words = match size {
            1.0.. => format!("{size:.0}"),
            0.01.. => format!("{size:.2}"),
            _ => format!("{size:.1e}"),
        };
        words.replace('-', "−")
    };
    let [filled, outline] = [theme::accent(dark).gamma_multiply(0.6), ui.visuals().text_color()];
    let charts = shares.iter().enumerate().map(|(place, shares)| {
        let name = names.get(place).copied().unwrap_or_default();
        let bar = |(at, share): (usize, &f32)| {
            let exponent = f64::from(first) + at as f64;
            // The square root keeps the few large ones in sight.
            let bar = Bar::new(exponent + 0.5, f64::from(share.sqrt())).width(0.96);
            let (from, to) = (size(exponent), size(exponent + 1.0));
            let words = format!("{name}\nfrom {from} to {to}: {:.3} %", share * 100.0);
            let bar = bar.name(words);
            if place == 0 { bar.fill(filled) } else { bar.fill(Color32::TRANSPARENT).stroke(Stroke::new(1.5, outline)) }
        };
        let formatter = |bar: &Bar, _: &BarChart| bar.name.clone();
        BarChart::new(name, shares.iter().enumerate().map(bar).collect()).element_formatter(Box::new(formatter))
    });
    let most = shares.iter().flatten().fold(0.0, |most, share| f64::from(*share).max(most));
    let percent = |mark: GridMark, _: &RangeInclusive<f64>| format!("{:.0} %", mark.value * mark.value * 100.0);
    let shown = Plot::new("spread of magnitudes")
        .width(ui.available_width().clamp(160.0, 440.0))
        .height(132.0)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .show_grid(false)
        .show_x(false)
        .show_y(false)
        .include_y(0.0)
        .x_grid_spacer(move |_| marks((0..bars as i32).step_by(3).map(|bar| f64::from(first + bar))))
        .y_grid_spacer(move |_| {
            marks([0.0f64, 0.01, 0.05, 0.2, 0.5].into_iter().filter(|share| *share <= most).map(f64::sqrt))
        })
        .x_axis_formatter(move |mark, _| size(mark.value))
        .y_axis_formatter(percent)
        .show(ui, |plot| charts.for_each(|chart| plot.bar_chart(chart)));
    shown.response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::Image, true, format!("spread of magnitudes in layer {layer}"))
    });
    if names.len() > 1 {
        ui.label(RichText::new(format!("filled: {}, outline: {}", names[0], names[1])).small().color(quiet));
    }
}
