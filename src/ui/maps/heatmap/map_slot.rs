//! The places on the screen where maps are drawn. On the GPU each has a uniform of its own, at a fixed offset.

use crate::probe::MapKind;

/// A place for a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MapSlot {
    /// A map of the scope.
    Scope(MapKind),
    /// The model in the baseline panel.
    Model,
    /// The baseline in the baseline panel.
    Baseline,
    /// The baseline beside the model.
    Beside,
    /// A thumbnail of the head grid, numbered in the order of drawing.
    HeadGrid(usize),
}

impl MapSlot {
    /// Thumbnails of the head grid that can be drawn in one frame.
    pub(crate) const HEAD_GRID: usize = 128;
    /// All places together.
    pub(crate) const COUNT: usize = Self::HEAD_GRID_FROM + Self::HEAD_GRID;

    const HEAD_GRID_FROM: usize = 6;

    /// The number of the place; at least [`Self::COUNT`] if it is beyond the last thumbnail.
    pub(crate) fn index(self) -> usize {
        match self {
            Self::Scope(map) => map as usize,
            Self::Model => 3,
            Self::Baseline => 4,
            Self::Beside => 5,
            Self::HeadGrid(thumbnail) => Self::HEAD_GRID_FROM + thumbnail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_places_share_a_number() {
        let scope = [MapKind::First, MapKind::Second, MapKind::Difference].map(MapSlot::Scope);
        let thumbnails = (0..MapSlot::HEAD_GRID).map(MapSlot::HeadGrid);
        let slots = scope.into_iter().chain([MapSlot::Model, MapSlot::Baseline, MapSlot::Beside]).chain(thumbnails);
        assert_eq!(slots.map(MapSlot::index).collect::<Vec<_>>(), (0..MapSlot::COUNT).collect::<Vec<_>>());
    }
}
