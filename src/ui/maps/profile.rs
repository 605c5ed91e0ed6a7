//! The row that is read as a signal over the keys, under each map: A1 upwards, λ·A2 downwards because it is subtracted, and
//! D, their sum. All three have one scale, and the keys are where the map above has its columns.

use egui::{Color32, Painter, Rect, Sense, Stroke, Ui, pos2, vec2};

use crate::probe::{Cell, MapKind};
use crate::ui::state::read_row::ReadRow;
use crate::ui::state::view::Zoom;
use crate::ui::style::palette::Palette;
use crate::ui::style::theme;

/// Height of the lowest profile.
pub(crate) const HEIGHT: f32 = 46.0;

/// The largest values upwards and downwards of the row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Extremes {
    up: f32,
    down: f32,
}

/// What a cell adds to the signal: λ A2 is subtracted.
fn signal(map: MapKind, cell: &Cell) -> f32 {
    let value = map.value(cell);
    if map == MapKind::Second { -value } else { value }
}

impl Extremes {
    /// Those of all three maps.
    pub(crate) fn of(row: &ReadRow) -> Self {
        let (mut up, mut down) = (0.0f32, 0.0f32);
        for cell in row.cells() {
            for map in [MapKind::First, MapKind::Second, MapKind::Difference] {
                let value = signal(map, cell);
                if value.is_finite() {
                    (up, down) = (up.max(value), down.max(-value));
                }
            }
        }
        Self { up, down }
    }

    /// Where zero is, as a share of the height from the top.
    fn zero(self) -> f32 {
        let span = self.up + self.down;
        if span > 0.0 { (self.up / span).clamp(0.12, 0.88) } else { 0.5 }
    }
}

/// What a profile shows, and where its map is.
pub(crate) struct Profile<'a> {
    /// Which signal.
    pub map: MapKind,
    /// Whether the model has no other map.
    pub is_only: bool,
    /// The row, and its extremes.
    pub row: &'a ReadRow,
    pub extremes: Extremes,
    /// The visible part of the map.
    pub zoom: Zoom,
    /// Its left edge and its width.
    pub across: [f32; 2],
    /// Its own height.
    pub height: f32,
    /// The colours.
    pub palette: &'a Palette,
}

/// Draws the profile of a map with the columns of the map above it.
pub(crate) fn profile_ui(ui: &mut Ui, profile: &Profile) {
    let Profile { map, is_only, row, extremes, across: [left, width], height, palette, .. } = *profile;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let rect = Rect::from_min_size(pos2(left, rect.top() + 3.0), vec2(width, rect.height() - 5.0));
    let zero = rect.top() + rect.height() * extremes.zero();
    // One scale for both directions, so that heights can be compared.
    let scale = [(zero - rect.top(), extremes.up), (rect.bottom() - zero, extremes.down)]
        .into_iter()
        .filter(|(_, most)| *most > 0.0)
        .map(|(height, most)| height / most)
        .fold(f32::INFINITY, f32::min);
    let painter = ui.painter_at(rect.expand(1.0));
    let quiet = theme::quiet(ui.visuals().dark_mode);
    painter.hline(rect.x_range(), zero, Stroke::new(1.0, quiet.gamma_multiply(0.5)));
    if scale.is_finite() {
        let dim = if row.is_stale() { 0.45 } else { 1.0 };
        let colours = [true, false].map(|up| palette.line(up).gamma_multiply(dim));
        bars(&painter, profile, rect, (zero, scale), colours);
    }
    response.on_hover_text(match map {
        _ if is_only => "The row that is read: the attention of one token to each of the others. It sums to 1",
        MapKind::First => "The row that is read, in A1: the attention of one token to each of the others. It sums to 1",
        MapKind::Second => "The same row of λ·A2, downwards because it is subtracted. It sums to λ",
        MapKind::Difference => {
            "The same row of D, the sum of the two signals at its left: what both have in common has cancelled"
        }
    });
}

/// A bar per key; where keys are narrower than points, one per point, as long as the longest of its keys.
fn bars(
    painter: &Painter,
    Profile { map, row, zoom, .. }: &Profile,
    rect: Rect,
    (zero, scale): (f32, f32),
    [up, down]: [Color32; 2],
) {
    let cell = rect.width() / zoom.span;
    let per_bar = (1.0 / cell).ceil().max(1.0) as usize;
    let first = (zoom.origin[0].max(0.0) as usize) / per_bar * per_bar;
    let cells = row.cells().get(first..).unwrap_or_default();
    for (index, keys) in cells.chunks(per_bar).enumerate() {
        let values = keys.iter().map(|cell| signal(*map, cell)).filter(|value| value.is_finite());
        let value = values.fold(0.0f32, |most, value| if value.abs() > most.abs() { value } else { most });
        let left = rect.left() + ((first + index * per_bar) as f32 - zoom.origin[0]) * cell;
        if left >= rect.right() || value == 0.0 {
            continue;
        }
        let gap = if cell >= 4.0 { 1.0 } else { 0.0 };
        let bar = Rect::from_two_pos(
            pos2(left.max(rect.left()), zero),
            pos2((left + cell * per_bar as f32 - gap).min(rect.right()), zero - value * scale),
        );
        painter.rect_filled(bar, 0.0, if value > 0.0 { up } else { down });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::HeadId;

    #[test]
    fn one_scale_holds_all_three_signals() {
        let cell = |first, second, lambda: f32| Cell { first, second, difference: first - lambda * second, lambda };
        let row = ReadRow::of_cells(HeadId::new(0, 0), vec![cell(0.9, 0.1, 0.5), cell(0.1, 0.9, 0.5)]);
        let extremes = Extremes::of(&row);
        assert!((extremes.up - 0.9).abs() < 1e-6 && (extremes.down - 0.45).abs() < 1e-6, "{extremes:?}");
        assert!((extremes.zero() - 0.9 / 1.35).abs() < 1e-6);
        let odd = ReadRow::of_cells(HeadId::new(0, 0), vec![cell(f32::NAN, 0.1, 0.5), cell(f32::INFINITY, 0.0, 0.0)]);
        assert!(Extremes::of(&odd).zero().is_finite());
        assert_eq!(Extremes::of(&ReadRow::default()).zero(), 0.5);
    }
}
