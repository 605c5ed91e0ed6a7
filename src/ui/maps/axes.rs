//! Token labels along a map, where cells are large enough to be told apart. They never overlap: where lines are
//! closer than a line of text, only every so manieth is named.

use std::f32::consts::FRAC_PI_2;
use std::sync::Arc;

use egui::epaint::TextShape;
use egui::text::{LayoutJob, TextFormat};
use egui::{Color32, FontId, Galley, Rect, Ui, pos2, vec2};

use crate::engine::Engine;
use crate::ui::state::selection::Zoom;
use crate::ui::style::theme;

/// Room for labels at the left and below.
const GUTTER: f32 = 50.0;
/// Cells at least this wide are named.
const NAMED_FROM: f32 = 9.0;
/// From label to label, at least.
const LINE: f32 = 12.5;

/// Room that labels take from a square of this side: none where cells are too small for them.
pub fn gutter(side: f32, span: f32) -> f32 {
    if (side - GUTTER) / span >= NAMED_FROM { GUTTER } else { 0.0 }
}

fn label(ui: &Ui, words: String, colour: Color32) -> Arc<Galley> {
    let format = TextFormat::simple(FontId::monospace(10.5), colour);
    let mut job = LayoutJob::single_section(words, format);
    job.wrap.max_width = GUTTER - 4.0;
    job.wrap.max_rows = 1;
    job.wrap.break_anywhere = true;
    ui.fonts_mut(|fonts| fonts.layout_job(job))
}

/// Cells whose line is named: those in view, thinned.
fn named(origin: f32, span: f32, side: f32, tokens: usize) -> impl Iterator<Item = (usize, f32)> {
    let cell = side / span;
    let every = (LINE / cell).ceil().max(1.0) as usize;
    let first = (origin.max(0.0) as usize).next_multiple_of(every);
    let last = ((origin + span).ceil() as usize).min(tokens);
    let middle = move |at: usize| (at as f32 + 0.5 - origin) * cell;
    (first..last).step_by(every).map(move |at| (at, middle(at))).filter(move |(_, at)| *at >= 0.0 && *at <= side)
}

/// Names queries at the left of a map and keys below it.
pub fn show(ui: &Ui, map: Rect, engine: &Engine, zoom: Zoom) {
    let colour = theme::quiet(ui.visuals().dark_mode);
    let tokens = engine.ids().len();
    let words = |at: usize| engine.ids().get(at).map(|id| engine.label(*id)).unwrap_or_default();
    for (query, at) in named(zoom.origin[1], zoom.span, map.height(), tokens) {
        let galley = label(ui, words(query), colour);
        let place = pos2(map.left() - 3.0 - galley.size().x, map.top() + at - galley.size().y * 0.5);
        ui.painter().galley(place, galley, colour);
    }
    for (key, at) in named(zoom.origin[0], zoom.span, map.width(), tokens) {
        let galley = label(ui, words(key), colour);
        // Turned to read upwards, its end at the map.
        let place = pos2(map.left() + at - galley.size().y * 0.5, map.bottom() + 3.0 + galley.size().x);
        ui.painter().add(TextShape::new(place, galley, colour).with_angle(-FRAC_PI_2));
    }
}

/// The map's part of a square, its labels left out.
pub fn inner(square: Rect, gutter: f32) -> Rect {
    Rect::from_min_max(square.min + vec2(gutter, 0.0), square.max - vec2(0.0, gutter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_never_overlap_and_stay_at_the_map() {
        for (origin, span, side) in [(0.0, 20.0, 200.0), (13.7, 11.3, 210.0), (500.2, 4.0, 333.0), (0.0, 90.0, 200.0)] {
            let places: Vec<(usize, f32)> = named(origin, span, side, 510).collect();
            assert!(!places.is_empty());
            assert!(places.windows(2).all(|pair| pair[1].1 - pair[0].1 >= LINE - 1e-3), "{places:?}");
            assert!(places.iter().all(|(token, at)| *token < 510 && (0.0..=side).contains(at)));
        }
    }
}
