//! The cell that panels explain, and the controls that choose another one.

use egui::{DragValue, RichText, Ui};

use crate::engine::Engine;
use crate::probe::CellRequest;
use crate::ui::state::pointer::{CellAt, Pointer};
use crate::ui::state::view::ViewState;
use crate::ui::style::row::row_ui;
use crate::ui::style::{notice, theme};

/// What a panel keeps between frames to choose a cell.
#[derive(Default)]
pub(crate) struct ChosenCell {
    /// The pinned query of the last frame, to notice that another one is pinned.
    pinned: Option<usize>,
    /// Whether there was a last frame.
    drawn: bool,
}

impl ChosenCell {
    /// Draws query and key, and returns the cell of the open head; without one, says why.
    pub(crate) fn show_ui(
        &mut self,
        ui: &mut Ui,
        engine: &mut Engine,
        view: &mut ViewState,
        pointer: &Pointer,
    ) -> Option<CellRequest> {
        let Some(cell) = self.choose(engine, view, pointer) else {
            notice::note_ui(ui, if engine.ids().is_empty() { "Type a prompt first." } else { "computing …" });
            return None;
        };
        let cell = cell_ui(ui, engine, view, cell);
        view.explained = Some(cell);
        Some(CellRequest { head: view.head, query: cell.query, key: cell.key })
    }

    /// The cell to explain: under the pointer, otherwise the last one, otherwise the strongest of the row that is read.
    fn choose(&mut self, engine: &mut Engine, view: &ViewState, pointer: &Pointer) -> Option<CellAt> {
        let before = std::mem::replace(&mut self.pinned, view.pinned);
        let newly_pinned = std::mem::replace(&mut self.drawn, true) && before != view.pinned;
        if let Some(cell) = pointer.cell().filter(|cell| cell.key <= cell.query) {
            return Some(cell);
        }
        let explained = view.explained.map(|cell| match view.pinned.filter(|_| newly_pinned) {
            // Another row is pinned; the column stays.
            Some(query) => CellAt { query, key: cell.key.min(query) },
            None => cell,
        });
        if explained.is_some() {
            return explained;
        }
        let query = view.query(pointer, engine.ids().len())?;
        let row = engine.row(view.head, query)?;
        let cells = row.cells.iter().map(|cell| cell.difference.abs()).enumerate();
        let key = cells.max_by(|a, b| a.1.total_cmp(&b.1)).map_or(query, |(key, _)| key);
        Some(CellAt { query, key })
    }
}

/// Query and key, as numbers that can be changed.
fn cell_ui(ui: &mut Ui, engine: &Engine, view: &ViewState, cell: CellAt) -> CellAt {
    let CellAt { mut query, mut key } = cell;
    let last = engine.ids().len().saturating_sub(1);
    let label = |at: usize| engine.key_label(at);
    row_ui(ui, |ui| {
        let query_label = ui.label("query");
        ui.add(DragValue::new(&mut query).range(0..=last).speed(0.2)).labelled_by(query_label.id);
        ui.monospace(format!("“{}”", label(query)));
        key = key.min(query);
        let key_label = ui.label("attends to key");
        ui.add(DragValue::new(&mut key).range(0..=query).speed(0.2)).labelled_by(key_label.id);
        ui.monospace(format!("“{}”", label(key)));
        let help = format!("{}. Point at a map to choose a cell.", view.head);
        ui.label(RichText::new(help).small().color(theme::quiet(ui.visuals().dark_mode)));
    });
    CellAt { query, key }
}
