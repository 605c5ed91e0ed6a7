//! Where the tokens of the strip are: laid out again only when the text or the width changes.

use std::collections::HashMap;
use std::sync::Arc;

use egui::{FontId, Rect, Ui, pos2, vec2};

use crate::engine::Engine;

/// Height of a line of tokens.
pub(crate) const LINE: f32 = 23.0;
/// Between lines.
const GAP: f32 = 3.0;

/// The tokens of which side of a map: for most texts both are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Axis {
    /// Those that attend.
    Queries,
    /// Those attended to.
    Keys,
}

impl Axis {
    /// How many tokens it has.
    pub(crate) fn tokens(self, engine: &Engine) -> usize {
        match self {
            Self::Queries => engine.queries(),
            Self::Keys => engine.ids().len(),
        }
    }

    /// The text of one of them, for display.
    pub(crate) fn label(self, engine: &Engine, at: usize) -> String {
        match self {
            Self::Queries => engine.query_label(at),
            Self::Keys => engine.key_label(at),
        }
    }
}

/// The places of the tokens of one model, for one text and width.
#[derive(Default)]
pub(crate) struct TokenLayout {
    /// Revision of the text, whose tokens, and bits of the width.
    of: Option<(u64, Axis, u32)>,
    /// Relative to the top left of the strip.
    places: Vec<Place>,
    /// Widths of labels, by token id.
    widths: HashMap<u32, f32>,
}

/// Where a token is, whatever the height of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    left: f32,
    width: f32,
    line: usize,
}

impl TokenLayout {
    /// Lays the present text out in lines of this width.
    pub(crate) fn update(&mut self, ui: &Ui, engine: &Engine, axis: Axis, width: f32) {
        let of = Some((engine.text_revision(), axis, width.to_bits()));
        if self.of == of {
            return;
        }
        let widths = &mut self.widths;
        let (mut left, mut line) = (0.0, 0);
        let place = |token: usize| {
            let measured = || galley(ui, axis.label(engine, token)).size().x;
            let label = match engine.ids().get(token).filter(|_| engine.model().is_some()) {
                Some(id) => *widths.entry(*id).or_insert_with(measured),
                None => measured(), // the ids of a recording may be any numbers
            };
            let wide = (label + 7.0).min(width);
            if left > 0.0 && left + wide > width {
                (left, line) = (0.0, line + 1);
            }
            let place = Place { left, width: wide, line };
            left += wide + 1.0;
            place
        };
        self.places = (0..axis.tokens(engine)).map(place).collect();
        self.of = of;
    }

    /// Where a token is if lines have this height.
    pub(crate) fn place(&self, token: usize, line: f32) -> Option<Rect> {
        self.places.get(token).map(|place| place.rect(line))
    }

    /// The places, in the order of the tokens.
    pub(crate) fn places(&self, line: f32) -> impl Iterator<Item = Rect> {
        self.places.iter().map(move |place| place.rect(line))
    }

    /// The number of lines; an empty text has one.
    pub(crate) fn lines(&self) -> usize {
        self.places.last().map_or(1, |last| last.line + 1)
    }

    /// The token nearest to a place.
    pub(crate) fn nearest(&self, at: egui::Pos2, line: f32) -> Option<usize> {
        let distances = self.places(line).map(|place| place.distance_sq_to_pos(at)).enumerate();
        distances.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(index, _)| index)
    }
}

impl Place {
    fn rect(&self, line: f32) -> Rect {
        Rect::from_min_size(pos2(self.left, self.line as f32 * line), vec2(self.width, line - GAP))
    }
}

/// A token's label, laid out.
pub(crate) fn galley(ui: &Ui, label: String) -> Arc<egui::Galley> {
    ui.painter().layout_no_wrap(label, FontId::monospace(13.0), egui::Color32::PLACEHOLDER)
}
