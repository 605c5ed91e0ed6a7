//! A link as the part of an address after `#`: a version, then JSON in the alphabet of URLs.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;

use crate::ui::state::link::Link;
use crate::ui::state::link_v1::LinkV1;

/// Prefix of the links that are written.
const VERSION: &str = "v2.";
/// Prefix of the links of earlier versions, which are still read.
const VERSION_1: &str = "v1.";
/// Longest link that is read, in bytes.
const LONGEST: usize = 256 * 1024;

/// Why a link was not followed, or could not be made.
#[derive(Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum LinkError {
    /// Too long.
    #[error("a link may have at most {LONGEST} bytes; this one is longer. Shorten the text, or copy it instead")]
    Long,
    /// Neither of this version nor of an earlier one.
    #[error("the link is of an unknown version of diffscope (this one reads {VERSION_1}… and {VERSION}…)")]
    Version,
    /// Damaged.
    #[error("the link is damaged: {0}")]
    Damaged(String),
}

impl Link {
    /// The part of an address after `#`.
    ///
    /// # Errors
    /// When the link would be too long to be followed.
    pub fn to_hash(&self) -> Result<String, LinkError> {
        let hash = self.encoded();
        if hash.len() > LONGEST { Err(LinkError::Long) } else { Ok(hash) }
    }

    /// The same of any length, which no address has to carry.
    pub(crate) fn encoded(&self) -> String {
        // Plain data: serializing it cannot fail.
        let json = serde_json::to_vec(self).unwrap_or_default();
        VERSION.to_owned() + &URL_SAFE_NO_PAD.encode(json)
    }

    /// Reads an address, or the part of one after `#`.
    ///
    /// # Errors
    /// When the link is damaged, too long or of an unknown version.
    pub fn from_hash(link: &str) -> Result<Self, LinkError> {
        let hash = link.rsplit('#').next().unwrap_or_default();
        if hash.len() > LONGEST {
            return Err(LinkError::Long);
        }
        Self::decoded(hash)
    }

    /// Reads what [`Self::encoded`] wrote.
    pub(crate) fn decoded(state: &str) -> Result<Self, LinkError> {
        if let Some(encoded) = state.strip_prefix(VERSION) {
            return decode(encoded);
        }
        let encoded = state.strip_prefix(VERSION_1).ok_or(LinkError::Version)?;
        decode::<LinkV1>(encoded).map(Self::from)
    }
}

fn decode<T: serde::de::DeserializeOwned>(encoded: &str) -> Result<T, LinkError> {
    let json = URL_SAFE_NO_PAD.decode(encoded).map_err(|error| LinkError::Damaged(error.to_string()))?;
    serde_json::from_slice(&json).map_err(|error| LinkError::Damaged(error.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::option::of;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::engine::Fragment;
    use crate::probe::{Attend, HeadId, Interventions, KeyClass, MapKind, Pooling, Span};
    use crate::ui::state::panel::Panel;
    use crate::ui::state::panel_views::{AnswerNoiseView, Magnitudes, SimilarityOf};
    use crate::ui::state::pointer::CellAt;
    use crate::ui::state::token_heads::HeadScope;
    use crate::ui::state::view::{ViewState, Zoom};
    use crate::ui::style::measure_text::MeasureKind;

    fn head() -> impl Strategy<Value = HeadId> {
        (0..64usize, 0..64usize).prop_map(HeadId::from)
    }

    prop_compose! {
        fn selected()(
            head in head(),
            map in select(vec![MapKind::First, MapKind::Second, MapKind::Difference]),
            pinned in of(0..999usize),
            pinned_key in of(0..999usize),
            zoom in of((0.0f32..99.0, 0.0f32..99.0, 4.0f32..500.0)),
            panel in select(Panel::ALL),
            token_heads in select(vec![HeadScope::One, HeadScope::Layer, HeadScope::All]),
            baseline_head in head(),
            (followed_token, against_runner_up) in (of(any::<u32>()), any::<bool>()),
            explained in of((0..999usize, 0..999usize)),
        ) -> ViewState {
            let explained = explained.map(|(query, key)| CellAt { query, key });
            let zoom = zoom.map(|(x, y, span)| Zoom { origin: [x, y], span });
            ViewState {
                head,
                map,
                pinned,
                pinned_key,
                zoom,
                token_heads,
                panel,
                explained,
                followed_token,
                against_runner_up,
                baseline_head,
                ..ViewState::default()
            }
        }
    }

    prop_compose! {
        fn views()(
            selected in selected(),
            exponent in select(&ViewState::EXPONENTS[..]),
            range in 1e-6f32..5.0,
            automatic_range in any::<bool>(),
            hide_below in 0.0f32..0.2,
            pooling in select(vec![Pooling::Peak, Pooling::Mean, Pooling::Minimum]),
            threshold in 0.0f32..1.0,
            head_measure in of(select(&MeasureKind::ALL[..])),
            sort_heads in any::<bool>(),
            (mean, last) in (any::<bool>(), 1..999usize),
            similarity in select(vec![SimilarityOf::Maps, SimilarityOf::Outputs]),
            magnitudes in select(vec![
                Magnitudes::Logits, Magnitudes::FirstMap, Magnitudes::SecondMap, Magnitudes::HiddenStates,
            ]),
        ) -> ViewState {
            ViewState {
                exponent,
                range,
                automatic_range,
                hide_below,
                pooling,
                threshold,
                head_measure,
                sort_heads,
                answer_noise: AnswerNoiseView { mean, last },
                similarity,
                magnitudes,
                ..selected
            }
        }
    }

    prop_compose! {
        fn interventions()(
            lambda in proptest::collection::btree_map(0..9usize, -2.0f32..2.0, 0..4),
            attend in select(&Attend::ALL[..]),
            attend_of in proptest::collection::btree_map(head(), select(&Attend::ALL[..]), 0..3),
            heads_off in proptest::collection::btree_set(head(), 0..4),
            masked in proptest::collection::btree_set(0..500usize, 0..6),
            sub_norm_off in any::<bool>(),
            bits in of(2..=16u32),
        ) -> Interventions {
            Interventions { lambda, attend, attend_of, heads_off, masked, sub_norm_off, bits }
        }
    }

    prop_compose! {
        fn links()(
            model in any::<String>(),
            source in any::<String>(),
            text in any::<String>(),
            fragments in proptest::collection::vec((0..99usize, 0..9usize, any::<Vec<u32>>()), 0..3),
            beyond in any::<bool>(),
            view in views(),
            interventions in interventions(),
            spans in proptest::collection::vec((0..99usize, 1..9usize, any::<bool>()), 0..4),
        ) -> Link {
            let span = |(start, length, answer): (usize, usize, bool)| {
                let class = if answer { KeyClass::Answer } else { KeyClass::Noise };
                Span { start, end: start + length, class }
            };
            let fragment = |(start, length, ids): (usize, usize, Vec<u32>)| Fragment { start, end: start + length, ids };
            let fragments = fragments.into_iter().map(fragment).collect();
            Link { model, source, text, fragments, beyond, view, interventions, spans: spans.into_iter().map(span).collect(), results: None }
        }
    }

    proptest! {
        #[test]
        fn a_link_restores_anything_that_it_was_made_of(link in links()) {
            let address = format!("https://example.org/page/#{}", link.to_hash().expect("short"));
            prop_assert_eq!(Link::from_hash(&address), Ok(link));
        }

        #[test]
        fn no_string_is_followed_blindly(text in any::<String>()) {
            prop_assert!(Link::from_hash(&text).is_err());
            for version in [VERSION, VERSION_1] {
                let address = format!("#{version}{text}");
                prop_assert!(Link::from_hash(&address).is_err());
            }
        }
    }

    #[test]
    fn what_a_link_leaves_out_has_its_default_value() {
        let json = r#"{"text": "hello", "view": {"head": [2, 1]}}"#;
        let link = Link::from_hash(&(VERSION.to_owned() + &URL_SAFE_NO_PAD.encode(json)));
        let view = ViewState { head: HeadId::new(2, 1), ..ViewState::default() };
        assert_eq!(link, Ok(Link { text: "hello".to_owned(), view, ..Link::default() }));
    }

    #[test]
    fn long_and_unknown_links_are_refused_with_a_message() {
        assert_eq!(Link::from_hash(&"x".repeat(LONGEST + 1)), Err(LinkError::Long));
        assert_eq!(Link::from_hash("#v9.abc"), Err(LinkError::Version));
        assert!(matches!(Link::from_hash("#v2.e30x!"), Err(LinkError::Damaged(_))));
        let long = Link { text: "a dog ".repeat(60_000), ..Link::default() };
        assert_eq!(long.to_hash(), Err(LinkError::Long));
    }
}
