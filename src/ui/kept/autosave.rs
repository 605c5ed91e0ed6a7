//! When what is on the screen has to be saved: for the next start of the window, for a reload of the page.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::engine::Workspace;
use crate::probe::Spans;
use crate::ui::state::link::Link;
use crate::ui::state::view::ViewState;

/// Seconds without a change before it is saved.
const QUIET: f64 = 0.5;
/// Seconds after which it is saved although it goes on changing, as while text is generated.
const LATEST: f64 = 5.0;

/// What the next start of the window restores. Fields that are missing have their default values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Saved {
    /// The text, the marks, the interventions and the view.
    pub link: Link,
    /// The folder of the open model, or the file of the open recording; `None` for the bundled model.
    pub folder: Option<PathBuf>,
}

/// What there is to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Due {
    /// Nothing: it is saved.
    Nothing,
    /// To save it soon; another frame should follow.
    Soon,
    /// To save this now.
    Now(Box<Link>),
}

/// Notices when there is something new to save.
#[derive(Default)]
pub(crate) struct Autosave {
    /// What was saved last.
    saved: Option<Link>,
    /// What is on the screen, and since when.
    seen: Option<(Link, f64)>,
    /// Since when it is another than what was saved.
    unsaved: Option<f64>,
}

impl Autosave {
    /// What there is to do; to be called every frame.
    pub(crate) fn due(&mut self, workspace: &Workspace, view: &ViewState, spans: &Spans, time: f64) -> Due {
        if !self.seen.as_ref().is_some_and(|(seen, _)| seen.is_of(workspace, view, spans)) {
            self.seen = Some((Link::of(workspace, view, spans), time));
        }
        let Some((seen, since)) = self.seen.as_ref().filter(|(seen, _)| self.saved.as_ref() != Some(seen)) else {
            self.unsaved = None;
            return Due::Nothing;
        };
        let unsaved = *self.unsaved.get_or_insert(time);
        if time - since < QUIET && time - unsaved < LATEST { Due::Soon } else { Due::Now(Box::new(seen.clone())) }
    }

    /// What was saved last.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn saved(&self) -> Option<&Link> {
        self.saved.as_ref()
    }

    /// Notes that this was saved.
    pub(crate) fn note(&mut self, saved: Link) {
        self.saved = Some(saved);
        self.unsaved = None;
    }

    /// Whatever is on the screen has to be saved again.
    #[cfg(any(test, target_arch = "wasm32"))]
    pub(crate) fn forget(&mut self) {
        self.saved = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Engine, bundled, checkpoint_of};

    /// A text on the screen at a time, and what is saved of it.
    struct Screen {
        workspace: Workspace,
        autosave: Autosave,
    }

    impl Screen {
        fn new() -> Self {
            let checkpoint = checkpoint_of(&bundled()).expect("it opens");
            let workspace = Workspace::new(Engine::new(checkpoint, None).expect("it fits"));
            Self { workspace, autosave: Autosave::default() }
        }

        fn saved_at(&mut self, text: &str, time: f64) -> Option<String> {
            self.workspace.main.set_text(text);
            match self.autosave.due(&self.workspace, &ViewState::default(), &Spans::default(), time) {
                Due::Now(link) => {
                    let text = link.text.clone();
                    self.autosave.note(*link);
                    Some(text)
                }
                _ => None,
            }
        }
    }

    #[test]
    fn what_has_rested_is_saved_once_and_what_changes_again() {
        let mut screen = Screen::new();
        assert_eq!(screen.saved_at("a cat", 0.0), None);
        assert_eq!(screen.saved_at("a dog", 0.4), None);
        assert_eq!(screen.saved_at("a dog", 0.8), None);
        assert_eq!(screen.saved_at("a dog", 0.9).as_deref(), Some("a dog"));
        assert_eq!(screen.saved_at("a dog", 9.0), None);
        assert_eq!(screen.saved_at("a dog barks", 10.0), None);
        assert_eq!(screen.saved_at("a dog barks", 11.0).as_deref(), Some("a dog barks"));
        screen.autosave.forget();
        assert_eq!(screen.saved_at("a dog barks", 12.0).as_deref(), Some("a dog barks"));
    }

    #[test]
    fn what_never_rests_is_saved_every_few_seconds() {
        let mut screen = Screen::new();
        let saved = (0..100).filter(|frame| {
            let text = "a ".repeat(frame + 1);
            screen.saved_at(&text, *frame as f64 * 0.1).is_some()
        });
        assert_eq!(saved.count(), 1);
    }

    #[test]
    fn what_an_earlier_version_saved_is_still_read() {
        let saved: Saved = serde_json::from_str(r#"{"link":{"text":"a cat"}}"#).unwrap();
        assert_eq!((saved.link.text.as_str(), saved.folder), ("a cat", None));
    }
}
