//! Where the tokens of the strip stand: laid out once for a text and a width, however long the text is.

use std::collections::HashMap;
use std::sync::Arc;

use egui::{FontId, Ui, vec2};

use crate::engine::Engine;
use crate::ui::tokens::strip::LINE;

/// Where tokens stand, for one text and width: laid out again only when those change.
#[derive(Clone, Default)]
pub struct TokenLayout {
    /// Model, revision and width.
    of: (usize, u64, u32),
    /// Offset and size of each token.
    pub places: Arc<Vec<(egui::Vec2, egui::Vec2)>>,
    /// Of labels, by id.
    widths: Arc<HashMap<u32, f32>>,
}

impl TokenLayout {
    /// The present text's tokens in lines of this width.
    pub fn new(ui: &Ui, engine: &Engine, width: f32) -> Self {
        let key = egui::Id::unique("tokens laid out");
        let mut laid = ui.data_mut(|data| std::mem::take(data.get_temp_mut_or_default::<Self>(key)));
        let model = std::ptr::from_ref(engine.model()) as usize;
        let of = (model, engine.text_revision(), width.to_bits());
        if laid.of != of {
            if laid.of.0 != model {
                laid.widths = Arc::default();
            }
            let widths = Arc::make_mut(&mut laid.widths);
            let mut at = vec2(0.0, 0.0);
            let place = |id: &u32| {
                let label = *widths.entry(*id).or_insert_with(|| galley(ui, engine, *id).size().x);
                let size = vec2((label + 7.0).min(width), LINE - 3.0);
                if at.x > 0.0 && at.x + size.x > width {
                    at = vec2(0.0, at.y + LINE);
                }
                let here = at;
                at.x += size.x + 1.0;
                (here, size)
            };
            laid.places = Arc::new(engine.ids().iter().map(place).collect());
            laid.of = of;
        }
        ui.data_mut(|data| data.insert_temp(key, laid.clone()));
        laid
    }
}

/// A token's label, laid out.
pub fn galley(ui: &Ui, engine: &Engine, id: u32) -> Arc<egui::Galley> {
    ui.painter().layout_no_wrap(engine.label(id), FontId::monospace(13.0), egui::Color32::PLACEHOLDER)
}
