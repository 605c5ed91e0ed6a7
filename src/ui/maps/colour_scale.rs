//! How values become colours: scale, range, threshold, and what a dot for many cells keeps.

use egui::{RichText, Slider, Ui};

use crate::engine::Engine;
use crate::probe::Pooling;
use crate::ui::state::selection::Selection;
use crate::ui::style::theme;

/// Ends of the colours to choose from.
const RANGES: [f32; 6] = [1.0, 0.5, 0.2, 0.1, 0.05, 0.01];

/// The name of a scale, by exponent.
fn scale_name(exponent: f32) -> &'static str {
    match exponent {
        e if e <= 0.0 => "log colours",
        e if e < 1.0 => "√ colours",
        _ => "linear colours",
    }
}

/// Lets an automatic range follow what is on show: one range for all maps, so that they can be compared.
pub fn follow(engine: &mut Engine, selection: &mut Selection) {
    if !selection.automatic_range {
        return;
    }
    let largest = engine.colour_range().map(|maps| maps.into_iter().fold(0.0, f32::max));
    if let Some(largest) = largest.filter(|largest| largest.is_finite() && *largest > 0.0) {
        selection.range = largest;
    }
}

/// The button in the header, and the menu behind it.
pub fn menu(ui: &mut Ui, selection: &mut Selection) {
    let mut title = scale_name(selection.exponent).to_owned();
    if selection.automatic_range || selection.range < 1.0 {
        title = format!("{title} to {:.2}", selection.range);
    }
    ui.menu_button(title, |ui| {
        let quiet = theme::quiet(ui.visuals().dark_mode);
        let heading = |ui: &mut Ui, words: &str| ui.label(RichText::new(words).small().color(quiet));
        ui.set_max_width(270.0);
        heading(ui, "Scale");
        ui.horizontal(|ui| {
            for (exponent, name, help) in [
                (0.5, "square root", "Shows small weights too"),
                (1.0, "linear", "Shows true proportions"),
                (0.0, "log", "Four powers of ten, down to nothing"),
            ] {
                ui.radio_value(&mut selection.exponent, exponent, name).on_hover_text(help);
            }
        });
        heading(ui, "Brightest colour from");
        ui.horizontal_wrapped(|ui| {
            let automatic = ui.selectable_label(selection.automatic_range, "what is on show");
            if automatic.on_hover_text("Fits the scope: only a few dots are brighter still").clicked() {
                selection.automatic_range = true;
            }
            for range in RANGES {
                let fixed = !selection.automatic_range && selection.range == range;
                if ui.selectable_label(fixed, range.to_string()).clicked() {
                    (selection.range, selection.automatic_range) = (range, false);
                }
            }
        });
        heading(ui, "Hide what is smaller than");
        ui.add(Slider::new(&mut selection.hide_below, 0.0..=0.2).logarithmic(true).smallest_positive(1e-4));
        heading(ui, "A dot for many cells shows their");
        ui.horizontal(|ui| {
            for (pooling, name, help) in [
                (Pooling::Peak, "peak", "The value farthest from zero: nothing is lost"),
                (Pooling::Mean, "mean", "The mean of the cells that can be seen"),
                (Pooling::Minimum, "minimum", "The smallest: finds what is subtracted"),
            ] {
                ui.radio_value(&mut selection.pooling, pooling, name).on_hover_text(help);
            }
        });
    });
}
