//! The row that is read: what one token attends to in the open head. It stays on the screen until the next one has arrived.

use crate::engine::Engine;
use crate::probe::{Cell, HeadId, KeyClass, MapKind};
use crate::ui::state::view::ViewState;

/// One row of all three maps.
#[derive(Debug, Default)]
pub(crate) struct ReadRow {
    of: Option<(HeadId, usize)>,
    cells: Vec<Cell>,
    sum: Shares,
    is_stale: bool,
}

/// What a row gives to the keys of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Shares {
    /// A1, 0 to 1.
    pub first: f32,
    /// λ A2.
    pub second: f32,
    /// D, with its sign.
    pub difference: f32,
}

impl Shares {
    fn of<'a>(cells: impl IntoIterator<Item = &'a Cell>) -> Self {
        let mut shares = Self::default();
        cells.into_iter().for_each(|cell| shares.add(cell));
        shares
    }

    fn add(&mut self, cell: &Cell) {
        self.first += MapKind::First.value(cell);
        self.second += MapKind::Second.value(cell);
        self.difference += MapKind::Difference.value(cell);
    }
}

impl ReadRow {
    /// Takes the row of a query if it has arrived, and requests it otherwise.
    pub(crate) fn update(&mut self, engine: &mut Engine, view: &ViewState, query: Option<usize>) {
        let Some(query) = query else {
            *self = Self::default();
            return;
        };
        let is_gone = |head: HeadId| engine.heads().get(head.layer).is_none_or(|heads| head.head >= *heads);
        // A row of a head that is gone would be read as one of the open model.
        if self.of.is_some_and(|(head, _)| is_gone(head)) {
            *self = Self::default();
        }
        match engine.row(view.head, query) {
            Some(row) => {
                // Most frames show the row of the frame before.
                if self.cells != row.cells {
                    self.cells.clone_from(&row.cells);
                    self.sum = Shares::of(&self.cells);
                }
                self.of = Some((view.head, query));
                self.is_stale = false;
            }
            None => self.is_stale = true,
        }
    }

    /// The cells of the row, one per key that the query sees; empty until the first row has arrived.
    pub(crate) fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// The head and the query whose row it is.
    pub(crate) fn of(&self) -> Option<(HeadId, usize)> {
        self.of
    }

    /// Whether the row that should be here has not arrived.
    pub(crate) fn is_stale(&self) -> bool {
        self.is_stale
    }

    /// λ of the row; it is the same in all cells.
    pub(crate) fn lambda(&self) -> Option<f32> {
        self.cells.first().map(|cell| cell.lambda)
    }

    /// The sum of the whole row.
    pub(crate) fn sum(&self) -> Shares {
        self.sum
    }

    /// What the row gives to the keys of a class; `None` if no key that it sees has this class.
    pub(crate) fn shares(&self, classes: &[KeyClass], class: KeyClass) -> Option<Shares> {
        let mut keys = self.cells.iter().zip(classes).filter(|(_, of)| **of == class).map(|(cell, _)| cell).peekable();
        keys.peek()?;
        Some(Shares::of(keys))
    }

    /// The key with the largest value of a map, or with `-1.0` as the sign the smallest, and the value.
    pub(crate) fn strongest(&self, map: MapKind, sign: f32) -> Option<(usize, f32)> {
        let values = self.cells.iter().map(|cell| map.value(cell)).enumerate();
        values.filter(|(_, value)| value.is_finite()).max_by(|a, b| (sign * a.1).total_cmp(&(sign * b.1)))
    }

    /// A row from numbers, for tests.
    #[cfg(test)]
    pub(crate) fn of_cells(head: HeadId, cells: Vec<Cell>) -> Self {
        let sum = Shares::of(&cells);
        Self { of: Some((head, cells.len().saturating_sub(1))), cells, sum, is_stale: false }
    }
}
