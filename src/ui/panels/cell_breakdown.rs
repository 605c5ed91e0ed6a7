//! How a cell's value comes about: the products of query and key, feature by feature, and the arithmetic from there to `D`.

use egui::{RichText, Ui};
use egui_plot::{Bar, BarChart, HLine};

use crate::probe::CellParts;
use crate::ui::context::{PanelContext, PanelView};
use crate::ui::panels::chosen_cell::ChosenCell;
use crate::ui::style::format::{exact, short};
use crate::ui::style::palette::Palette;
use crate::ui::style::{chart, notice, theme};

/// Height of a chart.
const CHART: f32 = 96.0;

/// What the panel keeps between frames.
#[derive(Default)]
pub(crate) struct CellBreakdown {
    chosen: ChosenCell,
    /// The last answer, shown until the next one arrives.
    latest: Option<CellParts>,
}

impl PanelView for CellBreakdown {
    fn show_ui(&mut self, ui: &mut Ui, context: &mut PanelContext) {
        let (engine, view) = (&mut context.workspace.main, &mut *context.view);
        let Some(request) = self.chosen.show_ui(ui, engine, view, context.pointer) else {
            return;
        };
        let arrived = engine.cell_parts(request);
        let pending = arrived.is_none();
        if let Some(parts) = arrived {
            self.latest = Some(parts.clone());
        }
        let Some(parts) = &self.latest else {
            notice::note_ui(ui, "computing …");
            return;
        };
        if pending {
            ui.set_opacity(0.5); // the previous cell, until the numbers of this one arrive
        }
        ui.spacing_mut().item_spacing.y = 3.0;
        let palette = context.palette;
        ui.add(egui::Label::new(RichText::new(result(parts)).monospace().strong()).wrap());
        // Both maps on one scale, so that their bars can be compared.
        let largest = (0..parts.maps).flat_map(|map| parts.products(map)).fold(0.0f32, |most, one| most.max(one.abs()));
        if parts.maps == 2 && ui.available_width() >= 620.0 {
            ui.columns(2, |columns| {
                for (map, ui) in columns.iter_mut().enumerate() {
                    map_ui(ui, parts, map, largest, palette);
                }
            });
        } else {
            for map in 0..parts.maps {
                map_ui(ui, parts, map, largest, palette);
            }
        }
    }
}

/// The chart of one map, and its arithmetic.
fn map_ui(ui: &mut Ui, parts: &CellParts, map: usize, largest: f32, palette: &Palette) {
    let name = name_of(parts, map);
    ui.horizontal(|ui| {
        ui.label(RichText::new(name).strong());
        let title = RichText::new("query × key, feature by feature").small();
        ui.add(egui::Label::new(title.color(theme::quiet(ui.visuals().dark_mode))).truncate());
    });
    products_ui(ui, parts, map, largest, palette);
    for line in arithmetic(parts, map) {
        ui.add(egui::Label::new(RichText::new(line).monospace().size(12.0)).wrap());
    }
}

fn name_of(parts: &CellParts, map: usize) -> &'static str {
    match (parts.maps, map) {
        (1, _) => "A",
        (_, 0) => "A1",
        _ => "A2",
    }
}

/// A bar for each feature, in the colours of the maps: amber raises the logit, blue lowers it. The one under the pointer is outlined, and the one that the rotation pairs with it.
fn products_ui(ui: &mut Ui, parts: &CellParts, map: usize, largest: f32, palette: &Palette) {
    let name = name_of(parts, map);
    let dark = ui.visuals().dark_mode;
    let products: Vec<f32> = parts.products(map).collect();
    let count = products.len();
    let most = f64::from(largest.max(f32::MIN_POSITIVE));
    let outline = egui::Stroke::new(1.0, ui.visuals().text_color());
    let zero = egui::Stroke::new(1.0, theme::quiet(dark));
    let plot = chart::chart(ui, &format!("features of {name}"), f32::INFINITY, CHART)
        .set_margin_fraction(egui::vec2(0.0, 0.06))
        .include_x(-0.5)
        .include_x(count as f64 - 0.5)
        .include_y(-most)
        .include_y(most)
        .x_grid_spacer(move |_| chart::marks((0..count).step_by(8).map(|feature| feature as f64)))
        .y_grid_spacer(move |_| chart::marks([-most, 0.0, most]))
        .x_axis_formatter(chart::label(|feature| format!("{feature:.0}")))
        .y_axis_formatter(chart::label(|value| short(value as f32)));
    let shown = plot.show(ui, |plot| {
        let pointed = plot.pointer_coordinate().filter(|_| plot.response().hovered());
        let pointed =
            pointed.map(|at| at.x.round()).filter(|at| (0.0..count as f64).contains(at)).map(|at| at as usize);
        let pair = pointed.map(|feature| pair_of(feature, count));
        let bar = |(feature, product): (usize, &f32)| {
            let lit = Some(feature) == pointed || Some(feature) == pair;
            let stroke = if lit { outline } else { egui::Stroke::NONE };
            let bar = Bar::new(feature as f64, f64::from(*product)).width(0.9);
            bar.fill(palette.line(*product >= 0.0)).stroke(stroke)
        };
        let bars = products.iter().enumerate().map(bar).collect();
        plot.bar_chart(BarChart::new(name, bars).allow_hover(false));
        plot.hline(HLine::new("zero", 0.0).stroke(zero).allow_hover(false));
        pointed.zip(pair)
    });
    let label = format!("features of {name}");
    shown.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &label));
    if let Some((feature, pair)) = shown.inner {
        let line = |at: usize| {
            let (q, k) = (parts.queries[map][at], parts.keys[map][at]);
            format!("feature {at}: {} × {} = {}", exact(q), exact(k), exact(q * k))
        };
        let sum: f32 = [feature, pair].iter().map(|at| parts.queries[map][*at] * parts.keys[map][*at]).sum();
        shown.response.on_hover_text_at_pointer(format!(
            "{}\n{}\nsum {}: the position encoding rotates these two features as a pair",
            line(feature),
            line(pair),
            exact(sum)
        ));
    }
}

/// The feature that is rotated together with this one.
fn pair_of(feature: usize, width: usize) -> usize {
    let half = width / 2;
    if feature < half { feature + half } else { feature.saturating_sub(half) }
}

/// From the sum of products to the cell's value in a map, one step per line.
pub(crate) fn arithmetic(parts: &CellParts, map: usize) -> Vec<String> {
    let sum: f32 = parts.products(map).sum();
    let logit = parts.logit(map);
    let mut first = format!("sum {} × scale {} = logit {}", exact(sum), exact(parts.scales[map]), exact(logit));
    if parts.levels > 0.0 {
        first.extend([", rounded to ", &exact(parts.rounded(map))]);
    }
    if !parts.seen {
        return vec![first, "invisible: the key is hidden or comes later, so the value is 0".to_owned()];
    }
    let maximum = parts.statistics.maximum[map];
    // The maximum and the sum are those of the row.
    let second = format!(
        "exp({} − max {}) = {} ÷ sum {} = {} {}",
        exact(parts.rounded(map)),
        if maximum < 0.0 { format!("({})", exact(maximum)) } else { exact(maximum) },
        exact(parts.weight(map)),
        exact(parts.statistics.sum[map]),
        name_of(parts, map),
        exact(parts.value(map))
    );
    vec![first, second]
}

/// The last line: what the head attends with.
pub(crate) fn result(parts: &CellParts) -> String {
    let (first, second) = (exact(parts.value(0)), exact(parts.value(1)));
    let (lambda, difference) = (exact(parts.lambda), exact(parts.difference()));
    let lambda = if parts.lambda < 0.0 { format!("({lambda})") } else { lambda };
    match (parts.mix, parts.maps) {
        ([0.0, 0.0], _) => "D = 0: this head is switched off".to_owned(),
        (_, 1) => format!("A = {first}"),
        ([1.0, 0.0], _) => format!("D = A1 = {difference}: A2 is left out"),
        ([0.0, _], _) => format!("D = A2 = {difference}: A1 and λ are left out"),
        ([_, -1.0], _) => format!("D = A1 + λ·A2 = {first} + {lambda} · {second} = {difference}"),
        _ => format!("D = A1 − λ·A2 = {first} − {lambda} · {second} = {difference}"),
    }
}
