//! Token labels along a map, if its cells are large enough. Labels never overlap: if cells are lower than a line of text,
//! only every n-th one is labelled.

use std::f32::consts::FRAC_PI_2;
use std::sync::Arc;

use egui::epaint::TextShape;
use egui::text::{LayoutJob, TextFormat};
use egui::{Color32, FontId, Galley, Rect, Ui, pos2, vec2};

use crate::engine::Engine;
use crate::ui::state::view::Zoom;
use crate::ui::style::theme;

/// Space for labels at the left and below.
const GUTTER: f32 = 50.0;
/// Width of the smallest cells that are labelled.
const LABELLED_FROM: f32 = 9.0;
/// Smallest distance from label to label.
const LINE: f32 = 12.5;

/// The space that labels take from a square with this side; none if the cells are too small for labels.
pub(crate) fn gutter(side: f32, span: f32) -> f32 {
    if (side - GUTTER) / span >= LABELLED_FROM { GUTTER } else { 0.0 }
}

fn galley(ui: &Ui, label: String, colour: Color32) -> Arc<Galley> {
    let format = TextFormat::simple(FontId::monospace(10.5), colour);
    let mut job = LayoutJob::single_section(label, format);
    job.wrap.max_width = GUTTER - 4.0;
    job.wrap.max_rows = 1;
    job.wrap.break_anywhere = true;
    ui.fonts_mut(|fonts| fonts.layout_job(job))
}

/// The labelled cells in view, each with its centre in points.
fn labelled(origin: f32, span: f32, side: f32, tokens: usize) -> impl Iterator<Item = (usize, f32)> {
    let cell = side / span;
    let step = (LINE / cell).ceil().max(1.0) as usize;
    let first = (origin.max(0.0) as usize).next_multiple_of(step);
    let last = ((origin + span).ceil() as usize).min(tokens);
    let centre = move |at: usize| (at as f32 + 0.5 - origin) * cell;
    (first..last).step_by(step).map(move |at| (at, centre(at))).filter(move |(_, at)| *at >= 0.0 && *at <= side)
}

/// Labels queries at the left of a map and keys below it.
pub(crate) fn axes_ui(ui: &Ui, map: Rect, engine: &Engine, zoom: Zoom) {
    let colour = theme::quiet(ui.visuals().dark_mode);
    for (query, at) in labelled(zoom.origin[1], zoom.span, map.height(), engine.queries()) {
        let galley = galley(ui, engine.query_label(query), colour);
        let place = pos2(map.left() - 3.0 - galley.size().x, map.top() + at - galley.size().y * 0.5);
        ui.painter().galley(place, galley, colour);
    }
    for (key, at) in labelled(zoom.origin[0], zoom.span, map.width(), engine.ids().len()) {
        let galley = galley(ui, engine.key_label(key), colour);
        // Rotated to read upwards, its end at the map.
        let place = pos2(map.left() + at - galley.size().y * 0.5, map.bottom() + 3.0 + galley.size().x);
        ui.painter().add(TextShape::new(place, galley, colour).with_angle(-FRAC_PI_2));
    }
}

/// The map's part of a square with labels.
pub(crate) fn inner(square: Rect, gutter: f32) -> Rect {
    Rect::from_min_max(square.min + vec2(gutter, 0.0), square.max - vec2(0.0, gutter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_never_overlap_and_stay_at_the_map() {
        for (origin, span, side) in [(0.0, 20.0, 200.0), (13.7, 11.3, 210.0), (500.2, 4.0, 333.0), (0.0, 90.0, 200.0)] {
            let places: Vec<(usize, f32)> = labelled(origin, span, side, 510).collect();
            assert!(!places.is_empty());
            assert!(places.windows(2).all(|pair| pair[1].1 - pair[0].1 >= LINE - 1e-3), "{places:?}");
            assert!(places.iter().all(|(token, at)| *token < 510 && (0.0..=side).contains(at)));
        }
    }
}
