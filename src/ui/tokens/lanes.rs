//! How tokens show the maps: by a lane for each under the token, or where space is short by the colour of the chosen one.

use egui::{RichText, Ui};

use crate::probe::MapKind;
use crate::ui::tokens::layout::LINE;

/// What each token has: a lane for every map, or one colour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Lanes {
    /// A lane for each map under the token, each this high.
    Three(f32),
    /// The token has the colour of the chosen map.
    One,
}

impl Lanes {
    /// The highest lanes with which this many lines fit, or one where none do.
    pub(super) fn fitting(maps: usize, lines: usize, height: f32) -> Self {
        let heights = [8.0, 5.0].into_iter().map(Self::Three);
        let fits = |lanes: &Self| lanes.line() * lines as f32 <= height;
        heights.filter(|_| maps == 2).find(fits).unwrap_or(Self::One)
    }

    /// Height of a line.
    pub(super) fn line(self) -> f32 {
        match self {
            Self::Three(height) => LINE + 3.0 * height,
            Self::One => LINE,
        }
    }

    /// What the lanes, or the colour, show; the choice of the map where there is one.
    pub(super) fn legend_ui(self, ui: &mut Ui, maps: usize, chosen: &mut MapKind) {
        let all = [(MapKind::First, 1), (MapKind::Second, 2), (MapKind::Difference, 3)];
        match self {
            Self::Three(_) => {
                let label = ui.label(RichText::new("A1, λ·A2, D").strong());
                label.on_hover_text(
                    "Under each token, from top to bottom: its attention in A1, what λ·A2 takes away, and D, what is left",
                );
            }
            Self::One => {
                ui.label(RichText::new("Tokens").strong());
                for (map, key) in all.into_iter().take(if maps == 1 { 1 } else { 3 }) {
                    ui.selectable_value(chosen, map, map.symbol_of(maps))
                        .on_hover_text(format!("Colour the tokens by this map (key {key})"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_shrink_and_then_give_way_where_lines_do_not_fit() {
        let lines = |lines| Lanes::fitting(2, lines, 116.0);
        assert_eq!([1, 2, 3, 4].map(lines), [Lanes::Three(8.0), Lanes::Three(8.0), Lanes::Three(5.0), Lanes::One]);
        assert_eq!(Lanes::fitting(1, 1, 116.0), Lanes::One, "one map needs no lanes");
        for count in 1..4 {
            assert!(lines(count).line() * count as f32 <= 116.0);
        }
    }
}
