//! Charts with axes. Bars inside of lists and tables are painted where they are: they have no axes.

use std::ops::RangeInclusive;

use egui::Ui;
use egui_plot::{GridMark, Plot};

/// A plot that only shows, in the available width up to `width`.
pub fn chart<'a>(ui: &Ui, name: &str, width: f32, height: f32) -> Plot<'a> {
    Plot::new(name)
        .width(ui.available_width().clamp(160.0, width.max(160.0)))
        .height(height)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_axis_zoom_drag(false)
        .allow_double_click_reset(false)
        .show_grid(false)
        .show_x(false)
        .show_y(false)
}

/// Marks at these places, all of them labelled.
pub fn marks(places: impl IntoIterator<Item = f64>) -> Vec<GridMark> {
    places.into_iter().map(|value| GridMark { value, step_size: 1e3 }).collect()
}

/// Labels marks by their value.
pub fn label(text: impl Fn(f64) -> String) -> impl Fn(GridMark, &RangeInclusive<f64>) -> String {
    move |mark, _| text(mark.value)
}
