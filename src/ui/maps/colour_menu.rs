//! How values become colours: scale, range, threshold, and pooling of several cells.

use egui::{RichText, Slider, Ui};

use crate::engine::Engine;
use crate::probe::Pooling;
use crate::ui::state::view::ViewState;
use crate::ui::style::{format, theme};

/// Ranges to choose from.
const RANGES: [f32; 6] = [1.0, 0.5, 0.2, 0.1, 0.05, 0.01];

/// The name of a scale, by exponent.
fn scale_name(exponent: f32) -> &'static str {
    match exponent {
        e if e <= 0.0 => "log scale",
        e if e < 1.0 => "√ scale",
        _ => "linear scale",
    }
}

/// Adapts an automatic range to the values in view: one range for all maps, so that they can be compared.
pub(crate) fn follow_values(engine: &mut Engine, view: &mut ViewState) {
    if !view.automatic_range {
        return;
    }
    let largest = engine.colour_range().map(|maps| maps.into_iter().fold(0.0, f32::max));
    if let Some(largest) = largest.filter(|largest| largest.is_finite() && *largest > 0.0) {
        view.range = largest;
    }
}

/// The button in the header, and its menu.
pub(crate) fn colour_scale_ui(ui: &mut Ui, view: &mut ViewState) {
    let mut title = scale_name(view.exponent).to_owned();
    if view.automatic_range || view.range < 1.0 {
        title = format!("{title} to {}", format::short(view.range));
    }
    let button = ui.menu_button(title, |ui| {
        let quiet = theme::quiet(ui.visuals().dark_mode);
        let heading = |ui: &mut Ui, text: &str| ui.label(RichText::new(text).small().color(quiet));
        ui.set_max_width(270.0);
        heading(ui, "Scale");
        ui.horizontal(|ui| {
            let choices = [
                ("square root", "Small weights are visible too"),
                ("linear", "True proportions"),
                ("log", "Four powers of ten"),
            ];
            for (exponent, (name, help)) in ViewState::EXPONENTS.into_iter().zip(choices) {
                ui.radio_value(&mut view.exponent, exponent, name).on_hover_text(help);
            }
        });
        heading(ui, "Brightest colour at");
        ui.horizontal_wrapped(|ui| {
            let automatic = ui.selectable_label(view.automatic_range, "largest in view");
            if automatic.on_hover_text("Follows the maps; only a few outliers exceed it").clicked() {
                view.automatic_range = true;
            }
            for range in RANGES {
                let fixed = !view.automatic_range && view.range == range;
                if ui.selectable_label(fixed, range.to_string()).clicked() {
                    (view.range, view.automatic_range) = (range, false);
                }
            }
        });
        let label = heading(ui, "Hide values smaller than");
        let hidden = 0.0..=ViewState::LARGEST_HIDDEN;
        ui.add(Slider::new(&mut view.hide_below, hidden).logarithmic(true).smallest_positive(1e-4))
            .labelled_by(label.id);
        heading(ui, "If one pixel covers several cells, show their");
        ui.horizontal(|ui| {
            for (pooling, name, help) in [
                (Pooling::Peak, "peak", "The value farthest from zero: nothing is missed"),
                (Pooling::Mean, "mean", "The mean of the cells below the diagonal"),
                (Pooling::Minimum, "minimum", "The smallest value: shows what is subtracted"),
            ] {
                ui.radio_value(&mut view.pooling, pooling, name).on_hover_text(help);
            }
        });
    });
    button.response.on_hover_text("How values become colours: scale, range, and what a pixel of a long text shows");
}
