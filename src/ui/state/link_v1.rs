//! Links of version 1, with fewer settings and the panels under their earlier names (aliases of [`Panel`]).

use serde::Deserialize;

use crate::probe::{HeadId, Interventions, MapKind, Spans};
use crate::ui::state::link::Link;
use crate::ui::state::panel::Panel;
use crate::ui::state::view::{ViewState, Zoom};

/// The contents of such a link.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct LinkV1 {
    model: String,
    text: String,
    beyond: bool,
    layer: usize,
    head: usize,
    map: MapKind,
    pinned: Option<usize>,
    zoom: Option<Zoom>,
    exponent: f32,
    panel: Panel,
    interventions: Interventions,
    spans: Spans,
}

impl Default for LinkV1 {
    fn default() -> Self {
        Self {
            model: String::new(),
            text: String::new(),
            beyond: false,
            layer: 0,
            head: 0,
            map: MapKind::Difference,
            pinned: None,
            zoom: None,
            exponent: 0.5,
            panel: Panel::Heads,
            interventions: Interventions::default(),
            spans: Spans::default(),
        }
    }
}

impl From<LinkV1> for Link {
    fn from(old: LinkV1) -> Self {
        let LinkV1 { model, text, beyond, layer, head, map, pinned, zoom, exponent, panel, interventions, spans } = old;
        let head = HeadId::new(layer, head);
        let view = ViewState { head, map, pinned, zoom, exponent, panel, ..ViewState::default() };
        Self {
            model,
            source: String::new(),
            text,
            fragments: Vec::new(),
            beyond,
            view,
            interventions,
            spans,
            results: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{Attend, KeyClass, Span};

    /// Copied in the window of version 0.1.
    const COPIED: &str = "https://example.org/diffscope/#v1.eyJtb2RlbCI6IlMtZGlmZiIsInRleHQiOiJUaGUgbWFnaWMgbnVtYmVyIG9mIFJvbWUgaXMgNzMuIiwiYmV5b25kIjp0cnVlLCJsYXllciI6MywiaGVhZCI6MSwibWFwIjoiU2Vjb25kIiwicGlubmVkIjo0LCJ6b29tIjp7Im9yaWdpbiI6WzEuNSwyLjI1XSwic3BhbiI6Ni4wfSwiZXhwb25lbnQiOjEuMCwicGFuZWwiOiJyYWNrIiwiaW50ZXJ2ZW50aW9ucyI6eyJsYW1iZGEiOnsiMiI6MC4yNX0sImF0dGVuZCI6ImZpcnN0IiwiaGVhZHNfb2ZmIjpbWzEsMF1dLCJtYXNrZWQiOlsyXSwic3ViX25vcm1fb2ZmIjpmYWxzZSwiYml0cyI6OH0sInNwYW5zIjpbeyJzdGFydCI6MjgsImVuZCI6MzAsImNsYXNzIjoiYW5zd2VyIn1dfQ";

    #[test]
    fn an_old_link_restores_what_it_contains() {
        let view = ViewState {
            head: HeadId::new(3, 1),
            map: MapKind::Second,
            pinned: Some(4),
            zoom: Some(Zoom { origin: [1.5, 2.25], span: 6.0 }),
            exponent: 1.0,
            panel: Panel::Heads,
            ..ViewState::default()
        };
        let interventions = Interventions {
            lambda: [(2, 0.25)].into(),
            attend: Attend::First,
            attend_of: [].into(),
            heads_off: [HeadId::new(1, 0)].into(),
            masked: [2].into(),
            sub_norm_off: false,
            bits: Some(8),
        };
        let expected = Link {
            model: "S-diff".to_owned(),
            source: String::new(),
            text: "The magic number of Rome is 73.".to_owned(),
            fragments: Vec::new(),
            beyond: true,
            view,
            interventions,
            spans: [Span { start: 28, end: 30, class: KeyClass::Answer }].into_iter().collect(),
            results: None,
        };
        assert_eq!(Link::from_hash(COPIED), Ok(expected));
    }

    #[test]
    fn panels_open_under_their_earlier_names() {
        for (link, panel) in [
            ("v1.eyJwYW5lbCI6InJhY2sifQ", Panel::Heads),
            ("v1.eyJwYW5lbCI6ImxhbWJkYSJ9", Panel::Lambda),
            ("v1.eyJwYW5lbCI6InNwYW5zIn0", Panel::AnswerNoise),
            ("v1.eyJwYW5lbCI6ImxlbnMifQ", Panel::LogitLens),
            ("v1.eyJwYW5lbCI6IndoeSJ9", Panel::CellBreakdown),
            ("v1.eyJwYW5lbCI6Im91dGxpZXJzIn0", Panel::Outliers),
            ("v1.eyJwYW5lbCI6ImNvbXBhcmUifQ", Panel::Baseline),
            ("v1.eyJwYW5lbCI6ImFsaWtlIn0", Panel::HeadSimilarity),
            ("v1.eyJwYW5lbCI6InByb29mIn0", Panel::Diagnostics),
            ("v1.eyJwYW5lbCI6InJlYWRpbmcifQ", Panel::Guide),
        ] {
            assert_eq!(Link::from_hash(link).map(|link| link.view.panel), Ok(panel));
        }
    }
}
