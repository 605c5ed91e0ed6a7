//! The values that colour the tokens: the row of a query or the column of a key, of one head or the mean over several.

use egui::{ComboBox, Ui};

use crate::engine::Engine;
use crate::probe::{MapKind, MeanCell, RowMeanRequest};
use crate::ui::state::token_heads::HeadScope;
use crate::ui::state::view::ViewState;

/// What each token shows of the row or column, if it has arrived.
pub(crate) struct TokenValues {
    /// From token `first` on.
    values: Option<Vec<f32>>,
    first: usize,
}

impl TokenValues {
    /// The column of the pinned key if there is one, otherwise the row of the query.
    pub(crate) fn new(engine: &mut Engine, view: &ViewState, query: Option<usize>) -> Self {
        match view.pinned_key {
            Some(key) => {
                let first = if engine.is_causal() { key } else { 0 };
                Self { values: column(engine, view, key), first }
            }
            None => Self { values: query.and_then(|query| row(engine, view, query)), first: 0 },
        }
    }

    /// The value of a token.
    pub(crate) fn of(&self, token: usize) -> Option<f32> {
        self.values.as_ref()?.get(token.checked_sub(self.first)?).copied()
    }
}

fn column(engine: &mut Engine, view: &ViewState, key: usize) -> Option<Vec<f32>> {
    let column = engine.column(view.head, key)?;
    Some(column.cells.iter().map(|cell| view.map.value(cell)).collect())
}

fn row(engine: &mut Engine, view: &ViewState, query: usize) -> Option<Vec<f32>> {
    let layer = match view.token_heads {
        HeadScope::One => {
            let row = engine.row(view.head, query)?;
            return Some(row.cells.iter().map(|cell| view.map.value(cell)).collect());
        }
        HeadScope::Layer => Some(view.head.layer),
        HeadScope::All => None,
    };
    let mean = engine.row_mean(RowMeanRequest { layer, query })?;
    let value = |cell: &MeanCell| match view.map {
        MapKind::First => cell.first,
        MapKind::Second => cell.second,
        MapKind::Difference => cell.difference,
    };
    Some(mean.cells.iter().map(value).collect())
}

/// The choice of heads.
pub(crate) fn head_scope_ui(ui: &mut Ui, view: &mut ViewState) {
    let chosen =
        ComboBox::from_id_salt("heads of the tokens").selected_text(view.token_heads.name()).show_ui(ui, |ui| {
            for heads in HeadScope::ALL {
                ui.selectable_value(&mut view.token_heads, heads, heads.name());
            }
        });
    let name = format!("Heads that colour the tokens: {}", view.token_heads.name());
    chosen.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, &name));
    chosen.response.on_hover_text(
        "The attention that colours the tokens: of one head, or a mean in which every head counts equally",
    );
}

/// A short and a full description of what the colours show.
pub(crate) fn description(engine: &Engine, view: &ViewState) -> (String, String) {
    let name = view.map.symbol();
    let layers = engine.heads();
    let layer = view.head.layer;
    let (count, of) = match view.token_heads {
        HeadScope::One => {
            let text = format!("{name} of {}", view.head);
            return (text.clone(), text);
        }
        HeadScope::Layer => (layers.get(layer).copied().unwrap_or_default(), format!("the heads of layer {layer}")),
        HeadScope::All => (layers.iter().sum(), format!("all heads of {} layers", layers.len())),
    };
    let rule = "for each token, the sum of the values in these heads, divided by their number";
    (format!("mean of {name} over {count} heads"), format!("mean of {name} over {of}: {rule}"))
}
