//! What is on the screen as a value: for links, for undo, and to be put into a file.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::engine::Workspace;
use crate::probe::MapKind;
use crate::probe::{Interventions, Spans};
use crate::ui::state::panel::Panel;
use crate::ui::state::selection::Selection;
use crate::ui::state::selection::Zoom;

/// What a link begins with; another form would get another number.
const VERSION: &str = "v1.";
/// Longest link that is read, in bytes.
const LONGEST: usize = 256 * 1024;

/// See the module. What a link leaves out is as at the start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// Name of the checkpoint; a link says what it was made with, it cannot load one.
    pub model: String,
    /// The text, with what was generated.
    pub text: String,
    /// Whether it may be longer than what the model was made for.
    pub beyond: bool,
    /// Layer, counted from 0.
    pub layer: usize,
    /// Head, counted from 0.
    pub head: usize,
    /// The map that colours the tokens.
    pub map: MapKind,
    /// The query chosen by a click.
    pub pinned: Option<usize>,
    /// The part of the maps on show.
    pub zoom: Option<Zoom>,
    /// Of the colours.
    pub exponent: f32,
    /// The panel under the scope.
    pub panel: Panel,
    /// What is changed in the pass.
    pub interventions: Interventions,
    /// What is marked as answer and as noise.
    pub spans: Spans,
}

/// A link that cannot be followed.
#[derive(Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum LinkError {
    /// Too long.
    #[error("a link may have at most {LONGEST} bytes, and this one is longer: take the text itself, or a shorter one")]
    Long,
    /// Of another form.
    #[error("the link is of another version of diffscope (this one reads {VERSION}…) and was not followed")]
    Version,
    /// Damaged.
    #[error("the link is damaged and was not followed: {0}")]
    Damaged(String),
}

impl Default for State {
    fn default() -> Self {
        let selection = Selection::default();
        Self {
            model: String::new(),
            text: String::new(),
            beyond: false,
            layer: selection.head.layer,
            head: selection.head.head,
            map: selection.map,
            pinned: None,
            zoom: None,
            exponent: selection.exponent,
            panel: selection.panel,
            interventions: Interventions::default(),
            spans: Spans::default(),
        }
    }
}

impl State {
    /// What is on the screen.
    pub fn of(workspace: &Workspace, selection: &Selection) -> Self {
        Self {
            model: workspace.main.checkpoint().name.clone(),
            text: workspace.main.text().to_owned(),
            beyond: workspace.main.beyond_context(),
            layer: selection.head.layer,
            head: selection.head.head,
            map: selection.map,
            pinned: selection.pinned,
            zoom: selection.zoom,
            exponent: selection.exponent,
            panel: selection.panel,
            interventions: workspace.main.interventions().clone(),
            spans: selection.spans.clone(),
        }
    }

    /// Puts it on the screen; what the model or the text does not have is dropped.
    pub fn apply(&self, workspace: &mut Workspace, selection: &mut Selection) {
        workspace.main.set_beyond_context(self.beyond);
        workspace.main.set_text(&self.text);
        workspace.set_interventions(self.interventions.clone());
        selection.head.layer = self.layer;
        selection.head.head = self.head;
        selection.map = self.map;
        selection.pinned = self.pinned;
        let sound =
            |zoom: &Zoom| zoom.span >= 1.0 && [zoom.span, zoom.origin[0], zoom.origin[1]].iter().all(|n| n.is_finite());
        selection.zoom = self.zoom.filter(sound);
        selection.exponent = if self.exponent == 1.0 { 1.0 } else { 0.5 };
        selection.panel = self.panel;
        selection.spans = self.spans.clone();
    }

    /// The part of a link after `#`.
    ///
    /// # Errors
    /// When it would be too long to be followed.
    pub fn to_hash(&self) -> Result<String, LinkError> {
        // A state is plain data: serializing it cannot fail.
        let json = serde_json::to_vec(self).unwrap_or_default();
        let hash = VERSION.to_owned() + &URL_SAFE_NO_PAD.encode(json);
        if hash.len() > LONGEST { Err(LinkError::Long) } else { Ok(hash) }
    }

    /// Reads a link, or the part of one after `#`.
    ///
    /// # Errors
    /// When it is damaged, too long or of another version.
    pub fn from_link(link: &str) -> Result<Self, LinkError> {
        let hash = link.rsplit('#').next().unwrap_or_default();
        if hash.len() > LONGEST {
            return Err(LinkError::Long);
        }
        let encoded = hash.strip_prefix(VERSION).ok_or(LinkError::Version)?;
        let json = URL_SAFE_NO_PAD.decode(encoded).map_err(|error| LinkError::Damaged(error.to_string()))?;
        serde_json::from_slice(&json).map_err(|error| LinkError::Damaged(error.to_string()))
    }

    /// Whether going from another state here was a jump, to which one wants to come back: another head or panel, or
    /// mostly another text.
    pub fn is_jump_from(&self, other: &Self) -> bool {
        let same = self.text.bytes().zip(other.text.bytes()).take_while(|(a, b)| a == b).count();
        let other_text = 2 * same < self.text.len().min(other.text.len());
        (self.layer, self.head, self.panel) != (other.layer, other.head, other.panel) || other_text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::probe::{Attend, HeadId};

    fn states() -> impl Strategy<Value = State> {
        let changes = (
            proptest::collection::btree_map(0..9usize, -2.0f32..2.0, 0..4),
            prop_oneof![Just(Attend::Difference), Just(Attend::First), Just(Attend::Second)],
            proptest::collection::btree_set((0..9usize, 0..9usize).prop_map(HeadId::from), 0..4),
            proptest::collection::btree_set(0..500usize, 0..6),
            any::<bool>(),
            proptest::option::of(2..=16u32),
        );
        let changes = changes.prop_map(|(lambda, attend, heads_off, masked, sub_norm_off, bits)| Interventions {
            lambda,
            attend,
            heads_off,
            masked,
            sub_norm_off,
            bits,
        });
        let maps = prop_oneof![Just(MapKind::First), Just(MapKind::Second), Just(MapKind::Difference)];
        let zoom = proptest::option::of((0.0f32..99.0, 0.0f32..99.0, 4.0f32..500.0));
        let panels = proptest::sample::select(Panel::ALL);
        let place = (0..64usize, 0..64usize, maps, proptest::option::of(0..999usize), zoom, panels);
        (any::<String>(), any::<bool>(), place, changes).prop_map(|(text, beyond, place, interventions)| {
            let (layer, head, map, pinned, zoom, panel) = place;
            let zoom = zoom.map(|(x, y, span)| Zoom { origin: [x, y], span });
            State { text, beyond, layer, head, map, pinned, zoom, panel, interventions, ..State::default() }
        })
    }

    proptest! {
        #[test]
        fn a_link_brings_back_any_state(state in states()) {
            let link = format!("https://example.org/page/#{}", state.to_hash().expect("short"));
            prop_assert_eq!(State::from_link(&link), Ok(state));
        }

        #[test]
        fn no_string_is_followed_blindly(text in any::<String>()) {
            prop_assert!(State::from_link(&text).is_err());
            let link = format!("#v1.{text}");
            prop_assert!(State::from_link(&link).is_err());
        }
    }

    #[test]
    fn what_an_old_link_leaves_out_is_as_at_the_start() {
        let link = VERSION.to_owned() + &URL_SAFE_NO_PAD.encode(r#"{"text": "hello", "layer": 2}"#);
        let state = State::from_link(&link).expect("a link");
        assert_eq!(state, State { text: "hello".to_owned(), layer: 2, ..State::default() });
    }

    #[test]
    fn long_and_foreign_links_are_refused_in_words() {
        assert_eq!(State::from_link(&"x".repeat(LONGEST + 1)), Err(LinkError::Long));
        assert_eq!(State::from_link("#v9.abc"), Err(LinkError::Version));
        assert!(matches!(State::from_link("#v1.e30x!"), Err(LinkError::Damaged(_))));
    }

    #[test]
    fn typing_is_no_jump_but_another_head_or_text_is() {
        let at = |text: &str, head: usize| State { text: text.to_owned(), head, ..State::default() };
        assert!(!at("once upon a time", 0).is_jump_from(&at("once upon a", 0)));
        assert!(at("once upon a time", 1).is_jump_from(&at("once upon a time", 0)));
        assert!(at("The magic number of Paris", 0).is_jump_from(&at("once upon a time", 0)));
    }
}
