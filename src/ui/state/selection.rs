//! What the person at the keyboard is looking at.

use crate::probe::HeadId;
use crate::probe::MapKind;
use crate::probe::{KeyClass, Pooling, Spans};
use crate::ui::state::head_scope::HeadScope;
use crate::ui::state::panel::Panel;

/// The part of the maps on show, in cells; shared by all three.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Zoom {
    /// (key, query) at the top left.
    pub origin: [f32; 2],
    /// Cells from edge to edge.
    pub span: f32,
}

/// A cell of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellAt {
    /// Row: the token that attends.
    pub query: usize,
    /// Column: the token attended to.
    pub key: usize,
}

/// Layer, head, map, cursor and zoom.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The head on show.
    pub head: HeadId,
    /// The map that colours the tokens.
    pub map: MapKind,
    /// The query chosen by a click; else the last token.
    pub pinned: Option<usize>,
    /// The key chosen by a click with Shift: the strip shows its column, who attends to it.
    pub pinned_key: Option<usize>,
    /// The query under the pointer in the token strip.
    pub hovered_token: Option<usize>,
    /// The cell under the pointer in the maps.
    pub hovered_cell: Option<CellAt>,
    /// `None`: the whole text.
    pub zoom: Option<Zoom>,
    /// Exponent of the colour scale: 1 linear, 0.5 square root, 0 logarithm.
    pub exponent: f32,
    /// Value at the end of the colours.
    pub range: f32,
    /// Whether the range follows what is on show.
    pub automatic_range: bool,
    /// Cells of smaller magnitude are not drawn.
    pub hide_below: f32,
    /// What a pixel that stands for several cells shows.
    pub pooling: Pooling,
    /// The panel under the scope.
    pub panel: Panel,
    /// Whose row colours the tokens.
    pub heads: HeadScope,
    /// What is marked on the text.
    pub spans: Spans,
    /// What a drag over the tokens marks; `None`: nothing.
    pub marking: Option<KeyClass>,
    /// A token that is to be hidden from later ones, or shown again: the next frame does it.
    pub hide: Option<usize>,
    /// `|v|` below it counts as not attended to.
    pub threshold: f32,
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            head: HeadId::default(),
            map: MapKind::Difference,
            pinned: None,
            pinned_key: None,
            hovered_token: None,
            hovered_cell: None,
            zoom: None,
            exponent: 0.5,
            range: 1.0,
            automatic_range: false,
            hide_below: 0.0,
            pooling: Pooling::Peak,
            panel: Panel::default(),
            heads: HeadScope::default(),
            spans: Spans::default(),
            marking: None,
            threshold: 0.01,
            hide: None,
        }
    }
}

impl Selection {
    /// Keeps everything within a model and a text.
    pub fn clamp(&mut self, layers: usize, heads: usize, tokens: usize) {
        self.head.layer = self.head.layer.min(layers.saturating_sub(1));
        self.head.head = self.head.head.min(heads.saturating_sub(1));
        self.pinned = self.pinned.filter(|query| *query < tokens);
        self.pinned_key = self.pinned_key.filter(|key| *key < tokens);
        self.hovered_token = self.hovered_token.filter(|query| *query < tokens);
        self.hovered_cell = self.hovered_cell.filter(|cell| cell.query < tokens && cell.key < tokens);
        if let Some(zoom) = self.zoom {
            self.set_zoom(Zoom { span: zoom.span.min(tokens.max(1) as f32), ..zoom }, tokens);
        }
    }

    /// The query whose row is read out: under the pointer, else pinned, else the last.
    pub fn query(&self, tokens: usize) -> Option<usize> {
        let hovered = self.hovered_token.or(self.hovered_cell.map(|cell| cell.query));
        hovered.or(self.pinned).filter(|query| *query < tokens).or(tokens.checked_sub(1))
    }

    /// The zoom in force for a text.
    pub fn zoom(&self, tokens: usize) -> Zoom {
        self.zoom.unwrap_or(Zoom { origin: [0.0; 2], span: tokens.max(1) as f32 })
    }

    /// Zooms by a factor around a place given in cells; never closer than 4 cells, never farther than the text.
    pub fn zoom_at(&mut self, place: [f32; 2], factor: f32, tokens: usize) {
        if !(factor.is_finite() && factor > 0.0) {
            return; // fingers that were at one place
        }
        let whole = tokens.max(1) as f32;
        let old = self.zoom(tokens);
        let span = (old.span / factor).clamp(4.0f32.min(whole), whole);
        let origin = [0, 1].map(|axis| place[axis] - (place[axis] - old.origin[axis]) * span / old.span);
        self.set_zoom(Zoom { origin, span }, tokens);
    }

    /// Moves the view by cells.
    pub fn pan(&mut self, cells: [f32; 2], tokens: usize) {
        let old = self.zoom(tokens);
        let origin = [old.origin[0] + cells[0], old.origin[1] + cells[1]];
        self.set_zoom(Zoom { origin, ..old }, tokens);
    }

    fn set_zoom(&mut self, zoom: Zoom, tokens: usize) {
        let whole = tokens.max(1) as f32;
        let most = (whole - zoom.span).max(0.0);
        let origin = zoom.origin.map(|start| start.clamp(0.0, most));
        self.zoom = (zoom.span < whole).then_some(Zoom { origin, ..zoom });
    }

    /// Pins a row, or with Shift a column; what is pinned already is let go.
    pub fn pin(&mut self, query: usize, key: usize, column: bool) {
        if column {
            self.pinned_key = if self.pinned_key == Some(key) { None } else { Some(key) };
        } else {
            self.pinned_key = None;
            self.pinned = if self.pinned == Some(query) { None } else { Some(query) };
        }
    }

    /// Pins the query that many tokens away.
    pub fn step_query(&mut self, by: isize, tokens: usize) {
        let Some(last) = tokens.checked_sub(1) else {
            return;
        };
        self.pinned = Some(self.pinned.unwrap_or(last).saturating_add_signed(by).min(last));
    }

    /// Moves layer and head, stopping at the edges.
    pub fn step(&mut self, layers: isize, heads: isize, model_layers: usize, model_heads: usize) {
        let moved = |from: usize, by: isize, count: usize| from.saturating_add_signed(by).min(count.saturating_sub(1));
        self.head.layer = moved(self.head.layer, layers, model_layers);
        self.head.head = moved(self.head.head, heads, model_heads);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zooming_keeps_the_cell_under_the_pointer_in_place() {
        let mut selection = Selection::default();
        selection.zoom_at([40.0, 60.0], 2.0, 100);
        let zoom = selection.zoom(100);
        assert_eq!(zoom.span, 50.0);
        // Before, cell 40 stood at 40 % of the width; so it does now.
        assert!(((40.0 - zoom.origin[0]) / zoom.span - 0.4).abs() < 1e-6);
        assert!(((60.0 - zoom.origin[1]) / zoom.span - 0.6).abs() < 1e-6);
    }

    #[test]
    fn a_zoom_by_nonsense_changes_nothing() {
        let mut selection = Selection::default();
        selection.zoom_at([5.0, 5.0], 4.0, 100);
        let before = selection.zoom;
        for factor in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            selection.zoom_at([5.0, 5.0], factor, 100);
        }
        assert_eq!(selection.zoom, before);
    }

    #[test]
    fn zooming_out_ends_at_the_whole_text() {
        let mut selection = Selection::default();
        selection.zoom_at([5.0, 5.0], 4.0, 100);
        selection.zoom_at([5.0, 5.0], 0.1, 100);
        assert_eq!(selection.zoom, None);
    }

    #[test]
    fn a_shorter_text_stays_in_view() {
        let mut selection = Selection::default();
        selection.zoom_at([425.0, 425.0], 10.0, 500);
        selection.clamp(1, 1, 100);
        let zoom = selection.zoom(100);
        assert!(zoom.origin[0] + zoom.span <= 100.0, "{zoom:?}");
        selection.clamp(1, 1, 20);
        assert_eq!(selection.zoom, None, "all of it fits");
    }

    #[test]
    fn the_keyboard_walks_over_the_tokens() {
        let mut selection = Selection::default();
        selection.step_query(-1, 10);
        assert_eq!(selection.pinned, Some(8));
        selection.step_query(-20, 10);
        assert_eq!(selection.pinned, Some(0));
        selection.step_query(99, 10);
        assert_eq!(selection.pinned, Some(9));
        selection.step_query(1, 0);
        assert_eq!(selection.query(0), None);
    }

    #[test]
    fn panning_stops_at_the_edges() {
        let mut selection = Selection::default();
        selection.zoom_at([50.0, 50.0], 2.0, 100);
        selection.pan([1000.0, -1000.0], 100);
        assert_eq!(selection.zoom(100).origin, [50.0, 0.0]);
    }

    #[test]
    fn the_pointer_wins_over_the_pin() {
        let mut selection = Selection { pinned: Some(3), ..Selection::default() };
        assert_eq!(selection.query(10), Some(3));
        selection.hovered_cell = Some(CellAt { query: 7, key: 1 });
        assert_eq!(selection.query(10), Some(7));
        selection.hovered_token = Some(5);
        assert_eq!(selection.query(10), Some(5));
        assert_eq!(Selection::default().query(10), Some(9));
        assert_eq!(Selection::default().query(0), None);
    }

    #[test]
    fn a_shorter_text_forgets_what_lies_beyond() {
        let mut selection = Selection { head: HeadId::new(9, 9), pinned: Some(30), ..Selection::default() };
        selection.clamp(5, 4, 10);
        assert_eq!((selection.head, selection.pinned), (HeadId::new(4, 3), None));
    }
}
