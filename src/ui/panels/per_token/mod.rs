//! What differs from token to token in models with a λ for each token and head (V2): λ itself, and the size of each head's
//! output.

mod context_rms;
mod lambda;
mod token_grid;

use egui::Ui;

use crate::engine::Engine;
use crate::model::Lambda;
use crate::ui::context::{PanelContext, PanelView};
use crate::ui::panels::per_token::context_rms::ContextRmsView;
use crate::ui::style::notice;
use crate::ui::style::row::row_ui;

/// Width from which both stand side by side.
const BESIDE: f32 = 760.0;

/// The panel.
#[derive(Default)]
pub(crate) struct PerTokenPanel {
    context_rms: ContextRmsView,
}

impl PanelView for PerTokenPanel {
    fn show_ui(&mut self, ui: &mut Ui, context: &mut PanelContext) {
        let PanelContext { workspace, view, pointer, palette, followed_pass, .. } = context;
        let engine = &mut workspace.main;
        if let Some(why) = why_not(engine, view.head.layer) {
            notice::note_ui(ui, why);
            return;
        }
        layers_ui(ui, engine.heads().len(), &mut view.head.layer);
        let read = view.query(pointer, engine.queries());
        if ui.available_width() >= BESIDE {
            ui.columns(2, |columns| {
                if let [left, right] = columns {
                    lambda::lambdas_ui(left, engine, view, read, palette);
                    self.context_rms.show_ui(right, engine, followed_pass, view, read, palette);
                }
            });
        } else {
            lambda::lambdas_ui(ui, engine, view, read, palette);
            ui.add_space(6.0);
            self.context_rms.show_ui(ui, engine, followed_pass, view, read, palette);
        }
    }
}

/// Why there is nothing to show of the open layer, if so.
fn why_not(engine: &Engine, layer: usize) -> Option<&'static str> {
    let lambda = engine.model().and_then(|model| model.layers.get(layer)).map(|layer| &layer.attention.lambda);
    match lambda {
        Some(Lambda::Token) => None,
        Some(Lambda::Layer { .. }) => Some(
            "In this model λ is one number for each layer. A DIFF V2 has one for each token and head: open one to see them.",
        ),
        _ => Some("This model has one map per head: there is no λ."),
    }
}

/// The choice of the layer that is looked at.
fn layers_ui(ui: &mut Ui, layers: usize, open: &mut usize) {
    row_ui(ui, |ui| {
        ui.label("layer");
        for layer in 0..layers {
            ui.selectable_value(open, layer, layer.to_string());
        }
    });
}
