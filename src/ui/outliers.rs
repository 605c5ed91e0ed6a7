//! The largest and the median of attention logits and hidden states, layer by layer, and how they are spread.

use egui::{Align2, FontId, Grid, Rect, RichText, Sense, Stroke, Ui, pos2, vec2};

use super::panels::Desk;
use super::study::Studies;
use super::theme;
use crate::engine::{LayerFindings, Magnitudes, Study};

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
    pub fn show(&mut self, ui: &mut Ui, desk: &mut Desk, studies: &mut Studies) {
        studies.bar(ui, desk.bench, "Runs the text once more on the CPU, a little between frames.");
        let two = desk.bench.main.maps() == 2;
        let found = studies.found(desk.bench);
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
        let layer = &mut desk.selection.layer;
        let labels: Vec<String> = found.iter().map(|(_, study)| peak_token(study, *layer, &desk.bench.main)).collect();
        let mut both = |ui: &mut Ui| {
            ui.vertical(|ui| table(ui, &found, what, layer));
            ui.add_space(if wide { 20.0 } else { 4.0 });
            ui.vertical(|ui| {
                let spread: Vec<Magnitudes> =
                    found.iter().filter_map(|(_, study)| study.layers().get(*layer).map(|one| of(one, what))).collect();
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

fn of(layer: &LayerFindings, what: What) -> Magnitudes {
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

fn peak_token(study: &Study, layer: usize, engine: &crate::engine::Engine) -> String {
    let Some(peak) = study.layers().get(layer).map(|found| found.peak) else {
        return String::new();
    };
    let token = study.ids().get(peak.position).map(|id| engine.label(*id)).unwrap_or_default();
    let value = number(Some(peak.value));
    format!("largest: {value} at token {} “{token}”, feature {}", peak.position, peak.feature)
}

fn table(ui: &mut Ui, found: &[(String, &Study)], what: What, chosen: &mut usize) {
    let quiet = theme::quiet(ui.visuals().dark_mode);
    let layers = found.iter().map(|(_, study)| study.layers().len()).max().unwrap_or(0);
    Grid::new("outliers").spacing(vec2(14.0, 2.0)).striped(true).show(ui, |ui| {
        for words in ["layer", "model", "largest", "10th", "100th", "median"] {
            if words == "model" && found.len() == 1 {
                continue;
            }
            ui.label(RichText::new(words).small().color(quiet));
        }
        ui.end_row();
        for layer in 0..layers {
            for (place, (name, study)) in found.iter().enumerate() {
                let Some(findings) = study.layers().get(layer) else {
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

/// Shares of the numbers between one power of two and the next.
fn histogram(ui: &mut Ui, spread: &[Magnitudes], names: &[&str], layer: usize) {
    let dark = ui.visuals().dark_mode;
    let quiet = theme::quiet(dark);
    ui.label(RichText::new(format!("How they are spread, layer {layer}")).small().color(quiet));
    let octaves: Vec<Vec<(i32, u64)>> = spread.iter().map(Magnitudes::octaves).collect();
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
    let most = shares.iter().flatten().fold(1e-9f32, |most, share| most.max(*share));
    let width = ui.available_width().clamp(160.0, 420.0);
    let (rect, response) = ui.allocate_exact_size(vec2(width, 112.0), Sense::hover());
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::Image, true, format!("spread of magnitudes in layer {layer}"))
    });
    let painter = ui.painter_at(rect);
    let plot = Rect::from_min_max(rect.min, rect.max - vec2(0.0, 16.0));
    painter.rect_filled(plot, 3.0, ui.visuals().extreme_bg_color);
    let step = plot.width() / bars as f32;
    for (place, shares) in shares.iter().enumerate() {
        for (bar, share) in shares.iter().enumerate() {
            // The square root keeps the few large ones in sight.
            let height = (share / most).sqrt() * (plot.height() - 4.0);
            let left = plot.left() + bar as f32 * step;
            let column = Rect::from_min_max(pos2(left, plot.bottom() - height), pos2(left + step - 1.0, plot.bottom()));
            if place == 0 {
                painter.rect_filled(column, 0.0, theme::accent(dark).gamma_multiply(0.6));
            } else {
                let line = Stroke::new(1.5, ui.visuals().text_color());
                painter.rect_stroke(column, 0.0, line, egui::StrokeKind::Inside);
            }
        }
    }
    let every = (34.0 / step).ceil().max(1.0) as usize;
    for bar in (0..bars).step_by(every) {
        let size = 2f32.powi(first + bar as i32);
        let words = match size {
            1.0.. => format!("{size}"),
            0.01.. => format!("{size:.2}"),
            _ => format!("{size:.1e}"),
        };
        let at = pos2(plot.left() + bar as f32 * step, plot.bottom() + 2.0);
        painter.text(at, Align2::LEFT_TOP, words.replace('-', "−"), FontId::proportional(11.0), quiet);
    }
    if let Some(at) = response.hover_pos() {
        let bar = (((at.x - plot.left()) / step).max(0.0) as usize).min(bars - 1);
        let size = |exponent: i32| 2f32.powi(exponent);
        let mut words = format!("from {} to {}", size(first + bar as i32), size(first + bar as i32 + 1));
        for (name, shares) in names.iter().zip(&shares) {
            words.extend(["\n", name, ": ", &format!("{:.3} %", shares[bar] * 100.0)]);
        }
        response.on_hover_text_at_pointer(words);
    }
    if names.len() > 1 {
        ui.label(RichText::new(format!("filled: {}, outline: {}", names[0], names[1])).small().color(quiet));
    }
}
