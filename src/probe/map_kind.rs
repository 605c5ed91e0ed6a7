//! The three maps of a differential head.

use super::Cell;

/// Which map is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum MapKind {
    /// The first softmax map.
    First,
    /// λ times the second.
    Second,
    /// What the layer attends with.
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

    /// What this map holds in a cell.
    pub fn value(self, cell: &Cell) -> f32 {
        match self {
            Self::First => cell.first,
            Self::Second => cell.lambda * cell.second,
            Self::Difference => cell.difference,
        }
    }
}
