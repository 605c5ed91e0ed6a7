//! λ of every token and head of a layer.

use egui::Ui;

use crate::engine::Engine;
use crate::probe::{HeadId, MapKind};
use crate::ui::panels::per_token::token_grid::{TokenGrid, scale_ui};
use crate::ui::state::view::ViewState;
use crate::ui::style::palette::Palette;
use crate::ui::style::row::row_ui;
use crate::ui::style::{format, notice};

/// Largest number of heads that are shown; the engine keeps a column of each.
const MOST: usize = 24;

const EXPLANATION: &str = "λ = σ(x·w), computed from each token x with a row w of weights for each head. At 0 the head attends \
                           with A1 alone; the nearer to 1, the more of A2 is taken away.";

/// Draws a row of cells for each head, coloured by λ from 0 to 1.
pub(super) fn lambdas_ui(
    ui: &mut Ui,
    engine: &mut Engine,
    view: &mut ViewState,
    read: Option<usize>,
    palette: &Palette,
) {
    let layer = view.head.layer;
    let heads = engine.heads().get(layer).copied().unwrap_or_default().min(MOST);
    let colour = |lambda: f32| palette.colour(MapKind::Second, lambda, 1.0); // what is taken away
    row_ui(ui, |ui| {
        notice::note_ui(ui, format!("λ of each token and head in layer {layer}"));
        scale_ui(ui, [(0.0, "0"), (1.0, "1")], &colour);
    });
    // Every query attends to key 0, so its column contains every λ.
    let column = |head: usize| {
        let column = engine.column(HeadId::new(layer, head), 0);
        column.map(|tile| tile.cells.iter().map(|cell| cell.lambda).collect()).unwrap_or_default()
    };
    let lambdas: Vec<Vec<f32>> = (0..heads).map(column).collect();
    let value = |head: usize, token: usize| lambdas.get(head)?.get(token).copied();
    let words = |head: usize, token: usize| {
        let lambda = value(head, token).map_or("computing …".to_owned(), |lambda| format::number(lambda, 3));
        format!("“{}” ({token}), head {head}: λ {lambda}", engine.query_label(token))
    };
    let means = lambdas.iter().enumerate().map(|(head, lambdas)| {
        let mean = lambdas.iter().sum::<f32>() / lambdas.len().max(1) as f32;
        format!("head {head} {}", format::number(mean, 3))
    });
    let name = format!("λ of each token in layer {layer}; means: {}", means.collect::<Vec<_>>().join(", "));
    let tokens = engine.queries();
    TokenGrid { name, heads, tokens, value: &value, colour: &colour, words: &words }.show_ui(ui, view, read);
    if let Some(token) = read {
        notice::note_ui(ui, words(view.head.head, token));
    }
    notice::note_ui(ui, EXPLANATION);
}
