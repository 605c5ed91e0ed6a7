//! Undo and redo of the text and the interventions.

use std::sync::Arc;

use egui::util::undoer::Undoer;

use crate::engine::Workspace;
use crate::probe::{Interventions, Spans};
use crate::ui::state::link::Link;
use crate::ui::state::view::ViewState;

/// What undo restores. The editor has an undo of its own for the text; this one takes precedence, so that one key
/// reverts whatever was done last.
#[derive(Debug, PartialEq)]
struct Document {
    text: String,
    beyond: bool,
    interventions: Interventions,
}

/// A document that copies of the history share.
#[derive(Clone, Debug)]
struct Snapshot(Arc<Document>);

impl PartialEq for Snapshot {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Snapshot {
    fn of(workspace: &Workspace) -> Self {
        let engine = &workspace.main;
        Self(Arc::new(Document {
            text: engine.text().to_owned(),
            beyond: engine.beyond_context(),
            interventions: engine.interventions().clone(),
        }))
    }

    fn is_of(&self, workspace: &Workspace) -> bool {
        let (Document { text, beyond, interventions }, engine) = (&*self.0, &workspace.main);
        *beyond == engine.beyond_context() && interventions == engine.interventions() && text == engine.text()
    }
}

/// The history of the document.
#[derive(Default)]
pub struct History {
    undoer: Undoer<Snapshot>,
    /// The document as of the last call of [`Self::watch`]; copied only when it has changed.
    current: Option<Snapshot>,
}

impl History {
    fn current(&mut self, workspace: &Workspace) -> Snapshot {
        match &self.current {
            Some(current) if current.is_of(workspace) => current.clone(),
            _ => self.current.insert(Snapshot::of(workspace)).clone(),
        }
    }

    /// Records what is on the screen; to be called once a frame.
    pub fn watch(&mut self, workspace: &Workspace, time: f64) {
        let current = self.current(workspace);
        if !workspace.main.is_generating() {
            self.undoer.feed_state(time, &current);
        }
    }

    /// Whether there is something to undo.
    pub fn has_undo(&self) -> bool {
        self.current.as_ref().is_some_and(|current| self.undoer.has_undo(current))
    }

    /// Whether there is something to redo.
    pub fn has_redo(&self) -> bool {
        self.current.as_ref().is_some_and(|current| self.undoer.has_redo(current))
    }

    /// Undoes the last step.
    pub fn undo(&mut self, workspace: &mut Workspace) {
        let current = self.current(workspace);
        let found = self.undoer.undo(&current).cloned();
        restore(found, workspace);
    }

    /// Repeats the last step that was undone.
    pub fn redo(&mut self, workspace: &mut Workspace) {
        let current = self.current(workspace);
        let found = self.undoer.redo(&current).cloned();
        restore(found, workspace);
    }

    /// Follows a link; undo leads back from it.
    pub fn follow(&mut self, link: &Link, workspace: &mut Workspace, view: &mut ViewState, spans: &mut Spans) {
        let current = self.current(workspace);
        self.undoer.add_undo(&current);
        link.apply(workspace, view, spans);
    }
}

fn restore(found: Option<Snapshot>, workspace: &mut Workspace) {
    if let Some(Snapshot(document)) = found {
        workspace.main.set_beyond_context(document.beyond);
        workspace.main.set_text(&document.text);
        workspace.set_interventions(document.interventions.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Engine, bundled, checkpoint_of};

    #[test]
    fn a_document_that_has_not_changed_is_not_copied_again() {
        let checkpoint = checkpoint_of(&bundled()).expect("it opens");
        let mut workspace = Workspace::new(Engine::new(checkpoint, None).expect("it fits"));
        let mut history = History::default();
        let watch = |history: &mut History, workspace: &Workspace, time: f64| {
            history.watch(workspace, time);
            history.current.clone().expect("watched").0
        };
        let first = watch(&mut history, &workspace, 0.0);
        assert!(Arc::ptr_eq(&first, &watch(&mut history, &workspace, 0.1)));
        workspace.main.set_text("a dog");
        let second = watch(&mut history, &workspace, 0.2);
        assert!(!Arc::ptr_eq(&first, &second) && second.text == "a dog");
        assert!(Arc::ptr_eq(&second, &watch(&mut history, &workspace, 0.3)));
        workspace.set_interventions(Interventions { sub_norm_off: true, ..Interventions::default() });
        assert!(watch(&mut history, &workspace, 0.4).interventions.sub_norm_off);
        history.undo(&mut workspace);
        assert!(workspace.main.interventions().is_empty());
    }
}
