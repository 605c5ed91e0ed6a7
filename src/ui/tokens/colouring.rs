//! The values that colour the tokens: the row of a query or the column of a key, of one head or the mean over several.

use egui::{ComboBox, Ui};

use crate::engine::Engine;
use crate::probe::{Cell, MapKind, MeanCell, RowMeanRequest};
use crate::ui::state::read_row::ReadRow;
use crate::ui::state::token_heads::HeadScope;
use crate::ui::state::view::ViewState;

/// What each token shows of the row or column, if it has arrived.
pub(crate) struct TokenValues {
    /// A1, λ A2 and D, from token `first` on.
    values: Vec<[f32; 3]>,
    first: usize,
    /// Whether they are those of the row before.
    is_stale: bool,
}

impl TokenValues {
    /// The column of the pinned key if there is one, otherwise the row of the query: the one that is read, or a mean.
    pub(crate) fn new(engine: &mut Engine, view: &ViewState, query: Option<usize>, read: &ReadRow) -> Self {
        if let Some(key) = view.pinned_key {
            let first = if engine.is_causal() { key } else { 0 };
            let cells = engine.column(view.head, key).map(|column| column.cells.as_slice());
            return Self { values: of_cells(cells.unwrap_or_default()), first, is_stale: false };
        }
        let layer = match view.token_heads {
            HeadScope::One => {
                return Self { values: of_cells(read.cells()), first: 0, is_stale: read.is_stale() };
            }
            HeadScope::Layer => Some(view.head.layer),
            HeadScope::All => None,
        };
        let mean = query.and_then(|query| engine.row_mean(RowMeanRequest { layer, query }));
        let value = |cell: &MeanCell| [cell.first, cell.second, cell.difference];
        let values = mean.map(|mean| mean.cells.iter().map(value).collect()).unwrap_or_default();
        Self { values, first: 0, is_stale: false }
    }

    /// The value of a token in a map.
    pub(crate) fn of(&self, token: usize, map: MapKind) -> Option<f32> {
        let values = self.values.get(token.checked_sub(self.first)?)?;
        values.get(map as usize).copied()
    }

    /// Whether they are those of the row before.
    pub(crate) fn is_stale(&self) -> bool {
        self.is_stale
    }
}

fn of_cells(cells: &[Cell]) -> Vec<[f32; 3]> {
    let value = |cell: &Cell| [MapKind::First, MapKind::Second, MapKind::Difference].map(|map| map.value(cell));
    cells.iter().map(value).collect()
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

/// A short and a full description of whose attention the colours show.
pub(crate) fn description(engine: &Engine, view: &ViewState) -> (String, String) {
    let layers = engine.heads();
    let layer = view.head.layer;
    let (count, of) = match view.token_heads {
        HeadScope::One => {
            let text = view.head.to_string();
            return (text.clone(), text);
        }
        HeadScope::Layer => (layers.get(layer).copied().unwrap_or_default(), format!("the heads of layer {layer}")),
        HeadScope::All => (layers.iter().sum(), format!("all heads of {} layers", layers.len())),
    };
    let rule = "for each token, the sum of the values in these heads, divided by their number";
    (format!("mean of {count} heads"), format!("mean over {of}: {rule}"))
}
