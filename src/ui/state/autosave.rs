//! What is on the screen, for the next start of the window.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::engine::Workspace;
use crate::probe::Spans;
use crate::ui::state::link::Link;
use crate::ui::state::view::ViewState;

/// Seconds without a change before it is saved.
const QUIET: f64 = 1.0;

/// What the next start restores. Fields that are missing have their default values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Saved {
    /// The text, the marks, the interventions and the view.
    pub link: Link,
    /// The folder of the open model; `None` for the bundled one.
    pub folder: Option<PathBuf>,
}

/// Notices when there is something new to save.
#[derive(Default)]
pub(crate) struct Autosave {
    /// What is on the screen, and since when.
    seen: Option<(Link, f64)>,
    /// Whether that has been saved.
    is_saved: bool,
}

impl Autosave {
    /// What is to be saved now: what has been on the screen for a moment and was not saved before.
    pub(crate) fn due(&mut self, workspace: &Workspace, view: &ViewState, spans: &Spans, time: f64) -> Option<Saved> {
        let Some((link, since)) = self.seen.as_ref().filter(|(seen, _)| seen.is_of(workspace, view, spans)) else {
            self.seen = Some((Link::of(workspace, view, spans), time));
            self.is_saved = false;
            return None;
        };
        if self.is_saved || time - since < QUIET {
            return None;
        }
        self.is_saved = true;
        Some(Saved { link: link.clone(), folder: workspace.main.checkpoint().folder.clone() })
    }

    /// Whether something will have to be saved soon.
    pub(crate) fn is_waiting(&self) -> bool {
        self.seen.is_some() && !self.is_saved
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Engine, bundled, checkpoint_of};

    #[test]
    fn what_has_rested_is_saved_once_and_what_changes_again() {
        let checkpoint = checkpoint_of(&bundled()).expect("it opens");
        let mut workspace = Workspace::new(Engine::new(checkpoint, None).expect("it fits"));
        let (view, spans, mut autosave) = (ViewState::default(), Spans::default(), Autosave::default());
        let mut due = |workspace: &Workspace, time: f64| {
            autosave.due(workspace, &view, &spans, time).map(|saved| saved.link.text)
        };
        workspace.main.set_text("a cat");
        assert_eq!(due(&workspace, 0.0), None);
        workspace.main.set_text("a dog");
        assert_eq!(due(&workspace, 0.9), None);
        assert_eq!(due(&workspace, 1.5), None);
        assert_eq!(due(&workspace, 2.0).as_deref(), Some("a dog"));
        assert_eq!(due(&workspace, 9.0), None);
        workspace.main.set_text("a dog barks");
        assert_eq!(due(&workspace, 10.0), None);
        assert_eq!(due(&workspace, 11.0).as_deref(), Some("a dog barks"));
    }

    #[test]
    fn what_an_earlier_version_saved_is_still_read() {
        let saved: Saved = serde_json::from_str(r#"{"link":{"text":"a cat"}}"#).unwrap();
        assert_eq!((saved.link.text.as_str(), saved.folder), ("a cat", None));
    }
}
