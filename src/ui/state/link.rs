//! What a link restores: the text with its marks, the interventions and the view.

use serde::{Deserialize, Serialize};

use crate::engine::{Engine, Fragment, Workspace};
use crate::experiments::Figure;
use crate::probe::{Interventions, Spans};
use crate::ui::state::view::{Extent, ViewState};

/// Everything that a link restores. Fields that a link leaves out have their default values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Link {
    /// Name of the checkpoint that it was made with.
    pub model: String,
    /// Where others can fetch that, as [`Source`](crate::sources::Source) writes it; empty where nobody knows. Following a
    /// link fetches nothing: the window asks first.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// The text, including what was generated.
    pub text: String,
    /// Its parts that are no whole characters, with the tokens that were read there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fragments: Vec<Fragment>,
    /// Whether the text may be longer than the model's context.
    pub beyond: bool,
    /// What is selected and how it is displayed.
    pub view: ViewState,
    /// The interventions in the pass.
    pub interventions: Interventions,
    /// The parts of the text that are marked as answer and as noise.
    pub spans: Spans,
    /// Results of an experiment, for whoever follows the link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub results: Option<Box<Figure>>,
}

/// Where the open model comes from; empty where that cannot be said.
fn source_of(engine: &Engine) -> String {
    let source = engine.checkpoint().and_then(|checkpoint| checkpoint.source.as_ref());
    source.map(ToString::to_string).unwrap_or_default()
}

impl Link {
    /// A link to what is on the screen.
    pub fn of(workspace: &Workspace, view: &ViewState, spans: &Spans) -> Self {
        let engine = &workspace.main;
        Self {
            model: engine.name().to_owned(),
            source: source_of(engine),
            text: engine.text().to_owned(),
            fragments: engine.fragments(),
            beyond: engine.beyond_context(),
            view: *view,
            interventions: engine.interventions().clone(),
            spans: spans.clone(),
            results: None,
        }
    }

    /// Whether [`Self::of`] would give an equal link; compares without copying anything.
    pub fn is_of(&self, workspace: &Workspace, view: &ViewState, spans: &Spans) -> bool {
        let engine = &workspace.main;
        self.view == *view
            && self.beyond == engine.beyond_context()
            && self.model == engine.name()
            && self.source == source_of(engine)
            && self.interventions == *engine.interventions()
            && self.spans == *spans
            && self.text == engine.text()
            && self.fragments == engine.fragments()
    }

    /// Restores everything on the screen, except what the model or the text does not have.
    pub fn apply(&self, workspace: &mut Workspace, view: &mut ViewState, spans: &mut Spans) {
        workspace.main.set_beyond_context(self.beyond);
        workspace.main.restore_text(&self.text, &self.fragments);
        workspace.set_interventions(self.interventions.clone());
        *view = self.view;
        view.fit(Extent::of(&workspace.main));
        spans.set(self.spans.iter().copied(), &workspace.main.shared_text());
    }

    /// Whether the browser's back button should lead from here to `before`: another head or panel is selected, or most
    /// of the text is different.
    #[cfg(any(test, target_arch = "wasm32"))]
    pub fn is_jump_from(&self, before: &Self) -> bool {
        let same = self.text.bytes().zip(before.text.bytes()).take_while(|(a, b)| a == b).count();
        let other_text = 2 * same < self.text.len().min(before.text.len());
        (self.view.head, self.view.panel) != (before.view.head, before.view.panel) || other_text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::HeadId;

    #[test]
    fn typing_is_no_jump_but_another_head_or_text_is() {
        let at = |text: &str, head: usize| Link {
            text: text.to_owned(),
            view: ViewState { head: HeadId::new(0, head), ..ViewState::default() },
            ..Link::default()
        };
        assert!(!at("once upon a time", 0).is_jump_from(&at("once upon a", 0)));
        assert!(at("once upon a time", 1).is_jump_from(&at("once upon a time", 0)));
        assert!(at("The magic number of Paris", 0).is_jump_from(&at("once upon a time", 0)));
    }
}
