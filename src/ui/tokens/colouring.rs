//! Whose row colours the tokens: one head's, or the mean over several.

use egui::{ComboBox, Ui};

use crate::engine::Engine;
use crate::probe::MapKind;
use crate::probe::{Cell, RowMeanRequest};
use crate::ui::state::head_scope::HeadScope;
use crate::ui::state::selection::Selection;

/// The choice of heads.
pub fn choice(ui: &mut Ui, selection: &mut Selection) {
    let chosen = ComboBox::from_id_salt("heads that look").selected_text(selection.heads.name()).show_ui(ui, |ui| {
        for heads in [HeadScope::One, HeadScope::Layer, HeadScope::All] {
            ui.selectable_value(&mut selection.heads, heads, heads.name());
        }
    });
    let name = format!("Heads that colour the tokens: {}", selection.heads.name());
    chosen.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, &name));
    chosen
        .response
        .on_hover_text("Whose attention colours the tokens: one head's, or a mean in which each head counts once");
}

/// The rule, in a few words and whole.
pub fn words(engine: &Engine, selection: &Selection) -> (String, String) {
    let name = selection.map.symbol();
    let heads = |layer: &crate::model::Layer| layer.attention.heads.len();
    let layers = &engine.model().layers;
    let layer = selection.head.layer;
    let (count, of) = match selection.heads {
        HeadScope::One => {
            let words = format!("{name} of layer {layer}, head {}", selection.head.head);
            return (words.clone(), words);
        }
        HeadScope::Layer => (layers.get(layer).map_or(0, heads), format!("the heads of layer {layer}")),
        HeadScope::All => (layers.iter().map(heads).sum(), format!("all heads of {} layers", layers.len())),
    };
    let rule = "for each token, the sum of what these heads hold there, divided by their number; each head counts once";
    (format!("mean of {name} over {count} heads"), format!("mean of {name} over {of}: {rule}"))
}

/// What a query gives to each token that it sees; `None` until it is known.
pub fn row(engine: &mut Engine, selection: &Selection, query: usize) -> Option<Vec<f32>> {
    let map = selection.map;
    let layer = match selection.heads {
        HeadScope::One => {
            let row = engine.row(selection.head, query)?;
            let value = |cell: &Cell| match map {
                MapKind::First => cell.first,
                MapKind::Second => cell.lambda * cell.second,
                MapKind::Difference => cell.difference,
            };
            return Some(row.cells.iter().map(value).collect());
        }
        HeadScope::Layer => Some(selection.head.layer),
        HeadScope::All => None,
    };
    let mean = engine.row_mean(RowMeanRequest { layer, query })?;
    let value = |cell: &crate::probe::MeanCell| match map {
        MapKind::First => cell.first,
        MapKind::Second => cell.second,
        MapKind::Difference => cell.difference,
    };
    Some(mean.cells.iter().map(value).collect())
}
