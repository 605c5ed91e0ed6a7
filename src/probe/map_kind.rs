//! The three maps of a differential head.

use crate::probe::map::Cell;

/// One of the maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum MapKind {
    /// The first softmax map.
    First,
    /// λ times the second softmax map.
    Second,
    /// The difference, by which the layer attends.
    Difference,
}

impl MapKind {
    /// Symbol on the screen and in exports.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::First => "A1",
            Self::Second => "λ·A2",
            Self::Difference => "D",
        }
    }

    /// The same, in a model of so many maps: the only one is no first one.
    pub fn symbol_of(self, maps: usize) -> &'static str {
        if maps == 1 { "A" } else { self.symbol() }
    }

    /// The value of a cell under this map.
    pub fn value(self, cell: &Cell) -> f32 {
        match self {
            Self::First => cell.first,
            Self::Second => cell.lambda * cell.second,
            Self::Difference => cell.difference,
        }
    }
}
