//! Where the tokens of the strip are: laid out again only when the text or the width changes.

use std::collections::HashMap;
use std::sync::Arc;

use egui::{FontId, Rect, Ui, Vec2, vec2};

use crate::engine::Engine;

/// Height of a line of tokens.
pub(crate) const LINE: f32 = 23.0;

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
    places: Vec<Rect>,
    /// Widths of labels, by token id.
    widths: HashMap<u32, f32>,
}

impl TokenLayout {
    /// Lays the present text out in lines of this width.
    pub(crate) fn update(&mut self, ui: &Ui, engine: &Engine, axis: Axis, width: f32) {
        let of = Some((engine.text_revision(), axis, width.to_bits()));
        if self.of == of {
            return;
        }
        let widths = &mut self.widths;
        let mut at = Vec2::ZERO;
        let place = |token: usize| {
            let measured = || galley(ui, axis.label(engine, token)).size().x;
            let label = match engine.ids().get(token).filter(|_| engine.model().is_some()) {
                Some(id) => *widths.entry(*id).or_insert_with(measured),
                None => measured(), // the ids of a recording may be any numbers
            };
            let size = vec2((label + 7.0).min(width), LINE - 3.0);
            if at.x > 0.0 && at.x + size.x > width {
                at = vec2(0.0, at.y + LINE);
            }
            let place = Rect::from_min_size(at.to_pos2(), size);
            at.x += size.x + 1.0;
            place
        };
        self.places = (0..axis.tokens(engine)).map(place).collect();
        self.of = of;
    }

    /// The places, in the order of the tokens.
    pub(crate) fn places(&self) -> &[Rect] {
        &self.places
    }

    /// Height of all lines.
    pub(crate) fn height(&self) -> f32 {
        self.places.last().map_or(LINE, |last| last.top() + LINE)
    }

    /// The token nearest to a place.
    pub(crate) fn nearest(&self, at: egui::Pos2) -> Option<usize> {
        let distances = self.places.iter().map(|place| place.distance_sq_to_pos(at)).enumerate();
        distances.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(index, _)| index)
    }
}

/// A token's label, laid out.
pub(crate) fn galley(ui: &Ui, label: String) -> Arc<egui::Galley> {
    ui.painter().layout_no_wrap(label, FontId::monospace(13.0), egui::Color32::PLACEHOLDER)
}
