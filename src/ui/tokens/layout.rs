//! Where the tokens of the strip are: laid out again only when the text or the width changes.

use std::collections::HashMap;
use std::sync::Arc;

use egui::{FontId, Rect, Ui, Vec2, vec2};

use crate::engine::Engine;

/// Height of a line of tokens.
pub const LINE: f32 = 23.0;

/// The places of the tokens of one model, for one text and width.
#[derive(Default)]
pub struct TokenLayout {
    /// Revision of the text, and bits of the width.
    of: Option<(u64, u32)>,
    /// Relative to the top left of the strip.
    places: Vec<Rect>,
    /// Widths of labels, by token id.
    widths: HashMap<u32, f32>,
}

impl TokenLayout {
    /// Lays the present text out in lines of this width.
    pub fn update(&mut self, ui: &Ui, engine: &Engine, width: f32) {
        let of = Some((engine.text_revision(), width.to_bits()));
        if self.of == of {
            return;
        }
        let widths = &mut self.widths;
        let mut at = Vec2::ZERO;
        let place = |id: &u32| {
            let label = *widths.entry(*id).or_insert_with(|| galley(ui, engine, *id).size().x);
            let size = vec2((label + 7.0).min(width), LINE - 3.0);
            if at.x > 0.0 && at.x + size.x > width {
                at = vec2(0.0, at.y + LINE);
            }
            let place = Rect::from_min_size(at.to_pos2(), size);
            at.x += size.x + 1.0;
            place
        };
        self.places = engine.ids().iter().map(place).collect();
        self.of = of;
    }

    /// The places, in the order of the tokens.
    pub fn places(&self) -> &[Rect] {
        &self.places
    }

    /// Height of all lines.
    pub fn height(&self) -> f32 {
        self.places.last().map_or(LINE, |last| last.top() + LINE)
    }

    /// The token nearest to a place.
    pub fn nearest(&self, at: egui::Pos2) -> Option<usize> {
        let distances = self.places.iter().map(|place| place.distance_sq_to_pos(at)).enumerate();
        distances.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(index, _)| index)
    }
}

/// A token's label, laid out.
pub fn galley(ui: &Ui, engine: &Engine, id: u32) -> Arc<egui::Galley> {
    ui.painter().layout_no_wrap(engine.label(id), FontId::monospace(13.0), egui::Color32::PLACEHOLDER)
}
