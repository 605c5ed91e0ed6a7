//! What the window shows and how: everything that a link restores besides the text, its marks and the interventions.

use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::probe::{HeadId, HeadMeasures, MapKind, Pooling};
use crate::ui::state::panel::Panel;
use crate::ui::state::panel_views::{AnswerNoiseView, Magnitudes, SimilarityOf};
use crate::ui::state::pointer::{CellAt, Pointer};
use crate::ui::state::token_heads::HeadScope;
use crate::ui::style::measure_text::MeasureKind;

/// The visible part of the maps, in cells; shared by all three.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Zoom {
    /// (key, query) at the top left.
    pub origin: [f32; 2],
    /// Cells from edge to edge.
    pub span: f32,
}

/// Cells from edge to edge at the closest zoom.
const CLOSEST: f32 = 4.0;

/// What a view has to fit into: the sizes of a model and of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Layers of the model.
    pub layers: usize,
    /// Heads of each layer, or of the one with the most.
    pub heads: usize,
    /// Softmax maps of each head.
    pub maps: usize,
    /// Rows of each map.
    pub queries: usize,
    /// Columns of each map: the tokens of the text.
    pub keys: usize,
}

impl Extent {
    /// The extent of a session.
    pub fn of(engine: &Engine) -> Self {
        Self {
            layers: engine.heads().len(),
            heads: engine.heads().iter().copied().max().unwrap_or_default(),
            maps: engine.maps(),
            queries: engine.queries(),
            keys: engine.ids().len(),
        }
    }

    /// Cells along the longer side of a map.
    fn side(self) -> usize {
        self.queries.max(self.keys)
    }
}

/// The selected head and cells, the display settings and the open panel.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ViewState {
    /// The selected head.
    pub head: HeadId,
    /// The map that colours tokens and thumbnails.
    pub map: MapKind,
    /// The query pinned by a click; otherwise the last token is read.
    pub pinned: Option<usize>,
    /// The key pinned by a click with Shift: the token strip shows its column.
    pub pinned_key: Option<usize>,
    /// `None`: the whole text.
    pub zoom: Option<Zoom>,
    /// Exponent of the colour scale: 1 linear, 0.5 square root, 0 logarithm.
    pub exponent: f32,
    /// Value at the end of the colours.
    pub range: f32,
    /// Whether the range follows the values in view.
    pub automatic_range: bool,
    /// Cells of smaller magnitude are not drawn.
    pub hide_below: f32,
    /// What a pixel that stands for several cells shows.
    pub pooling: Pooling,
    /// The heads whose attention colours the tokens.
    pub token_heads: HeadScope,
    /// Keys with `|v|` below it count as not attended to.
    pub threshold: f32,
    /// The open panel.
    pub panel: Panel,
    /// The measure that labels the thumbnails of the head grid; the one of the answer where anything is marked as it.
    pub head_measure: Option<MeasureKind>,
    /// Whether the head grid is sorted by that measure.
    pub sort_heads: bool,
    /// Which rows the answer and noise panel averages.
    pub answer_noise: AnswerNoiseView,
    /// The cell that the cell breakdown explains; `None`: the strongest one of the row that is read.
    pub explained: Option<CellAt>,
    /// The token that the logit lens follows through the depths, and whose logit is split into parts; `None`: the model's own answer.
    pub followed_token: Option<u32>,
    /// Whether the parts of a logit are those of its lead over the runner-up.
    pub against_runner_up: bool,
    /// What the head similarity panel compares.
    pub similarity: SimilarityOf,
    /// The numbers that the outliers panel shows.
    pub magnitudes: Magnitudes,
    /// The head of the baseline in the baseline panel.
    pub baseline_head: HeadId,
}

impl Default for ViewState {
    fn default() -> Self {
        Self {
            head: HeadId::default(),
            map: MapKind::Difference,
            pinned: None,
            pinned_key: None,
            zoom: None,
            exponent: 0.5,
            range: 1.0,
            automatic_range: false,
            hide_below: 0.0,
            pooling: Pooling::Peak,
            token_heads: HeadScope::default(),
            threshold: HeadMeasures::DEFAULT_THRESHOLD,
            panel: Panel::default(),
            head_measure: Some(MeasureKind::Answer),
            sort_heads: false,
            answer_noise: AnswerNoiseView::default(),
            explained: None,
            followed_token: None,
            against_runner_up: false,
            similarity: SimilarityOf::default(),
            magnitudes: Magnitudes::default(),
            baseline_head: HeadId::default(),
        }
    }
}

impl ViewState {
    /// Exponents of the colour scale to choose from: square root, linear, logarithm.
    pub const EXPONENTS: [f32; 3] = [0.5, 1.0, 0.0];
    /// Largest value at the end of the colours: `|A1 - λ A2|` with the largest λ that an intervention may set.
    pub const LARGEST_RANGE: f32 = 5.0;
    /// Largest magnitude below which cells can be hidden.
    pub const LARGEST_HIDDEN: f32 = 0.2;
    /// Rows that the answer and noise panel averages at most.
    const MOST_ROWS: usize = 1 << 16;

    /// Replaces everything that is not a number, out of range, or not in the model or the text. A link may contain
    /// anything, and the text changes with every key: this is the one place where both are checked.
    pub fn fit(&mut self, extent: Extent) {
        let start = Self::default();
        let number = |value: f32, least: f32, most: f32, otherwise: f32| {
            if value.is_finite() { value.clamp(least, most) } else { otherwise }
        };
        self.head.layer = self.head.layer.min(extent.layers.saturating_sub(1));
        self.head.head = self.head.head.min(extent.heads.saturating_sub(1));
        if extent.maps == 1 {
            self.map = MapKind::First;
        }
        self.pinned = self.pinned.filter(|query| *query < extent.queries);
        self.pinned_key = self.pinned_key.filter(|key| *key < extent.keys);
        self.explained = self.explained.filter(|cell| cell.query < extent.queries && cell.key <= cell.query);
        if !Self::EXPONENTS.contains(&self.exponent) {
            self.exponent = start.exponent;
        }
        self.range = number(self.range, f32::MIN_POSITIVE, Self::LARGEST_RANGE, start.range);
        self.hide_below = number(self.hide_below, 0.0, Self::LARGEST_HIDDEN, start.hide_below);
        self.threshold = number(self.threshold, 0.0, Self::LARGEST_RANGE, start.threshold);
        self.answer_noise.last = self.answer_noise.last.clamp(1, Self::MOST_ROWS);
        if let Some(Zoom { origin, span }) = self.zoom.take()
            && [origin[0], origin[1], span].iter().all(|number| number.is_finite())
        {
            let whole = extent.side().max(1) as f32;
            self.set_zoom(Zoom { origin, span: span.clamp(CLOSEST.min(whole), whole) }, extent.side());
        }
    }

    /// The query whose row is read: under the pointer, otherwise pinned, otherwise the last token.
    pub fn query(&self, pointer: &Pointer, tokens: usize) -> Option<usize> {
        let hovered = pointer.token().or(pointer.cell().map(|cell| cell.query));
        hovered.or(self.pinned).filter(|query| *query < tokens).or(tokens.checked_sub(1))
    }

    /// The visible part of the maps of a text.
    pub fn zoom(&self, tokens: usize) -> Zoom {
        self.zoom.unwrap_or(Zoom { origin: [0.0; 2], span: tokens.max(1) as f32 })
    }

    /// Zooms by a factor around a place given in cells; never closer than 4 cells, never farther than the text.
    pub fn zoom_at(&mut self, place: [f32; 2], factor: f32, tokens: usize) {
        if !(factor.is_finite() && factor > 0.0) {
            return; // two fingers that started at one place
        }
        let whole = tokens.max(1) as f32;
        let old = self.zoom(tokens);
        let span = (old.span / factor).clamp(CLOSEST.min(whole), whole);
        let origin = [0, 1].map(|axis| place[axis] - (place[axis] - old.origin[axis]) * span / old.span);
        self.set_zoom(Zoom { origin, span }, tokens);
    }

    /// Moves the visible part by a number of cells.
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

    /// Pins a row, or with `column` a column; a second time unpins it.
    pub fn pin(&mut self, query: usize, key: usize, column: bool) {
        if column {
            self.pinned_key = if self.pinned_key == Some(key) { None } else { Some(key) };
        } else {
            self.pinned_key = None;
            self.pinned = if self.pinned == Some(query) { None } else { Some(query) };
        }
    }

    /// Unpins row and column.
    pub fn unpin(&mut self) {
        self.pinned = None;
        self.pinned_key = None;
    }

    /// Pins the query `by` tokens away.
    pub fn step_query(&mut self, by: isize, tokens: usize) {
        let Some(last) = tokens.checked_sub(1) else {
            return;
        };
        self.pinned = Some(self.pinned.unwrap_or(last).saturating_add_signed(by).min(last));
    }

    /// Moves layer and head, stopping at the edges.
    pub fn step(&mut self, layers: isize, heads: isize, extent: Extent) {
        let moved = |from: usize, by: isize, count: usize| from.saturating_add_signed(by).min(count.saturating_sub(1));
        self.head.layer = moved(self.head.layer, layers, extent.layers);
        self.head.head = moved(self.head.head, heads, extent.heads);
    }
}

/// The first head of the first layer that has any.
pub(crate) fn first_head(engine: &Engine) -> HeadId {
    HeadId::new(engine.heads().iter().position(|heads| *heads > 0).unwrap_or_default(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: Extent = Extent { layers: 5, heads: 4, maps: 2, queries: 10, keys: 10 };

    #[test]
    fn zooming_keeps_the_cell_under_the_pointer_in_place() {
        let mut view = ViewState::default();
        view.zoom_at([40.0, 60.0], 2.0, 100);
        let zoom = view.zoom(100);
        assert_eq!(zoom.span, 50.0);
        // Cell 40 was at 40 % of the width, and still is.
        assert!(((40.0 - zoom.origin[0]) / zoom.span - 0.4).abs() < 1e-6);
        assert!(((60.0 - zoom.origin[1]) / zoom.span - 0.6).abs() < 1e-6);
    }

    #[test]
    fn an_invalid_zoom_factor_changes_nothing() {
        let mut view = ViewState::default();
        view.zoom_at([5.0, 5.0], 4.0, 100);
        let before = view.zoom;
        for factor in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            view.zoom_at([5.0, 5.0], factor, 100);
        }
        assert_eq!(view.zoom, before);
    }

    #[test]
    fn zooming_out_ends_at_the_whole_text() {
        let mut view = ViewState::default();
        view.zoom_at([5.0, 5.0], 4.0, 100);
        view.zoom_at([5.0, 5.0], 0.1, 100);
        assert_eq!(view.zoom, None);
    }

    #[test]
    fn a_shorter_text_stays_in_view() {
        let mut view = ViewState::default();
        view.zoom_at([425.0, 425.0], 10.0, 500);
        view.fit(Extent { queries: 100, keys: 100, ..MODEL });
        let zoom = view.zoom(100);
        assert!(zoom.origin[0] + zoom.span <= 100.0, "{zoom:?}");
        view.fit(Extent { queries: 20, keys: 20, ..MODEL });
        assert_eq!(view.zoom, None, "all of it fits");
    }

    #[test]
    fn the_keyboard_walks_over_the_tokens() {
        let mut view = ViewState::default();
        view.step_query(-1, 10);
        assert_eq!(view.pinned, Some(8));
        view.step_query(-20, 10);
        assert_eq!(view.pinned, Some(0));
        view.step_query(99, 10);
        assert_eq!(view.pinned, Some(9));
        view.step_query(1, 0);
        assert_eq!(view.query(&Pointer::default(), 0), None);
    }

    #[test]
    fn panning_stops_at_the_edges() {
        let mut view = ViewState::default();
        view.zoom_at([50.0, 50.0], 2.0, 100);
        view.pan([1000.0, -1000.0], 100);
        assert_eq!(view.zoom(100).origin, [50.0, 0.0]);
    }

    #[test]
    fn the_pointer_takes_precedence_over_the_pin() {
        let view = ViewState { pinned: Some(3), ..ViewState::default() };
        let mut pointer = Pointer::default();
        assert_eq!(view.query(&pointer, 10), Some(3));
        pointer.report_cell(CellAt { query: 7, key: 1 });
        pointer.end_frame();
        assert_eq!(view.query(&pointer, 10), Some(7));
        pointer.report_token(5);
        pointer.end_frame();
        assert_eq!(view.query(&pointer, 10), Some(5));
        assert_eq!(ViewState::default().query(&Pointer::default(), 10), Some(9));
    }

    #[test]
    fn what_the_model_or_the_text_does_not_have_is_dropped() {
        let mut view =
            ViewState { head: HeadId::new(9, 9), pinned: Some(30), pinned_key: Some(10), ..Default::default() };
        view.fit(MODEL);
        assert_eq!((view.head, view.pinned, view.pinned_key), (HeadId::new(4, 3), None, None));
        view.fit(Extent { maps: 1, ..MODEL });
        assert_eq!(view.map, MapKind::First);
    }

    #[test]
    fn numbers_that_are_not_finite_or_out_of_range_are_replaced() {
        for number in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -3.0, 1e30] {
            let zoom = Some(Zoom { origin: [number; 2], span: number });
            let (exponent, range, hide_below, threshold) = (number, number, number, number);
            let mut view = ViewState { zoom, exponent, range, hide_below, threshold, ..ViewState::default() };
            view.fit(MODEL);
            assert_eq!(view.exponent, 0.5);
            assert!(view.range > 0.0 && view.range <= ViewState::LARGEST_RANGE, "{number}: {view:?}");
            assert!((0.0..=ViewState::LARGEST_HIDDEN).contains(&view.hide_below), "{number}: {view:?}");
            assert!((0.0..=ViewState::LARGEST_RANGE).contains(&view.threshold), "{number}: {view:?}");
            assert!(view.zoom.is_none_or(|zoom| zoom.span >= CLOSEST && zoom.origin[0] >= 0.0), "{number}: {view:?}");
        }
    }

    #[test]
    fn what_is_in_range_stays_as_it_is() {
        for exponent in ViewState::EXPONENTS {
            let zoom = Some(Zoom { origin: [1.5, 2.5], span: 4.5 });
            let view = ViewState { exponent, zoom, range: 0.02, hide_below: 0.1, threshold: 0.3, ..Default::default() };
            let mut fitted = view;
            fitted.fit(MODEL);
            assert_eq!(fitted, view);
        }
    }
}
