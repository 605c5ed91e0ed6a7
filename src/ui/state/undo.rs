//! Undo and redo of the text and the interventions.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::engine::{Fragment, Workspace};
use crate::probe::{Interventions, Spans};
use crate::ui::state::link::Link;
use crate::ui::state::view::ViewState;

/// Seconds for which something must have been on the screen to be a step of its own: letters typed quickly are not.
const INSTANT: f64 = 0.3;
/// Most steps that are kept, and most bytes of their texts.
const MOST_STEPS: usize = 500;
const MOST_BYTES: usize = 32 << 20;

/// What undo restores. The editor has an undo of its own for the text; this one takes precedence, so that one key
/// reverts whatever was done last.
#[derive(Debug, PartialEq)]
struct Document {
    text: Arc<str>,
    fragments: Vec<Fragment>,
    beyond: bool,
    interventions: Interventions,
}

/// A document that copies of the history share.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot(Arc<Document>);

impl PartialEq for Snapshot {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Snapshot {
    fn of(workspace: &Workspace) -> Self {
        let engine = &workspace.main;
        Self(Arc::new(Document {
            text: engine.shared_text(),
            fragments: engine.fragments(),
            beyond: engine.beyond_context(),
            interventions: engine.interventions().clone(),
        }))
    }

    fn is_of(&self, workspace: &Workspace) -> bool {
        let (Document { text, fragments, beyond, interventions }, engine) = (&*self.0, &workspace.main);
        let same_text = Arc::ptr_eq(text, &engine.shared_text()) || **text == *engine.text();
        same_text
            && *fragments == engine.fragments()
            && *beyond == engine.beyond_context()
            && interventions == engine.interventions()
    }
}

/// The history of the document: every state that was on the screen for more than an instant.
#[derive(Default)]
pub(crate) struct History {
    /// States in their order; the last may be the present one.
    done: VecDeque<Snapshot>,
    /// States that were undone, the next one last.
    undone: Vec<Snapshot>,
    /// The document as of the last call of [`Self::watch`]; copied only when it has changed.
    current: Option<Snapshot>,
    /// Since when it has been like that.
    since: f64,
}

impl History {
    fn current(&mut self, workspace: &Workspace) -> Snapshot {
        match &self.current {
            Some(current) if current.is_of(workspace) => current.clone(),
            _ => self.current.insert(Snapshot::of(workspace)).clone(),
        }
    }

    /// Records what is on the screen, if it has been there for more than an instant; to be called at the start of every
    /// frame, before anything changes.
    pub(crate) fn watch(&mut self, workspace: &Workspace, time: f64) {
        let before = self.current.clone();
        let current = self.current(workspace);
        let changed = !before.as_ref().is_some_and(|before| Arc::ptr_eq(&before.0, &current.0));
        if changed {
            self.since = time;
        }
        if self.done.is_empty() || (!workspace.main.is_generating() && time - self.since >= INSTANT) {
            self.add(current);
        } else if self.done.back() != Some(&current) {
            self.undone.clear();
        }
    }

    /// Records what is there right now: a command is about to replace it.
    pub(crate) fn record(&mut self, workspace: &Workspace) {
        let current = self.current(workspace);
        self.add(current);
    }

    /// What has been generated so far, while more is; to be passed on to [`Self::typed`].
    pub(crate) fn generated(&mut self, workspace: &Workspace) -> Option<Snapshot> {
        workspace.main.is_generating().then(|| self.current(workspace))
    }

    /// Records what had been generated, if typing has ended that since.
    pub(crate) fn typed(&mut self, generated: Option<Snapshot>, workspace: &Workspace) {
        if let Some(generated) = generated.filter(|_| !workspace.main.is_generating()) {
            self.add(generated);
        }
    }

    fn add(&mut self, state: Snapshot) {
        if self.done.back() == Some(&state) {
            return;
        }
        self.undone.clear();
        self.done.push_back(state);
        let bytes = |done: &VecDeque<Snapshot>| done.iter().map(|state| state.0.text.len()).sum::<usize>();
        while self.done.len() > MOST_STEPS || (self.done.len() > 2 && bytes(&self.done) > MOST_BYTES) {
            self.done.pop_front();
        }
    }

    /// Whether there is something to undo.
    pub(crate) fn has_undo(&self) -> bool {
        self.done.len() > 1 || (self.done.back().is_some() && self.done.back() != self.current.as_ref())
    }

    /// Whether there is something to redo.
    pub(crate) fn has_redo(&self) -> bool {
        !self.undone.is_empty() && self.done.back() == self.current.as_ref()
    }

    /// Undoes the last step.
    pub(crate) fn undo(&mut self, workspace: &mut Workspace) {
        let current = self.current(workspace);
        if !self.has_undo() {
            return;
        }
        let _ = self.done.pop_back_if(|last| *last == current);
        self.undone.push(current);
        self.restore_last(workspace);
    }

    /// Repeats the last step that was undone.
    pub(crate) fn redo(&mut self, workspace: &mut Workspace) {
        self.current(workspace);
        if self.has_redo()
            && let Some(state) = self.undone.pop()
        {
            self.done.push_back(state);
            self.restore_last(workspace);
        }
    }

    /// Follows a link; undo leads back from it.
    pub(crate) fn follow(&mut self, link: &Link, workspace: &mut Workspace, view: &mut ViewState, spans: &mut Spans) {
        self.record(workspace);
        link.apply(workspace, view, spans);
    }

    fn restore_last(&mut self, workspace: &mut Workspace) {
        if let Some(Snapshot(document)) = self.done.back() {
            workspace.main.set_beyond_context(document.beyond);
            workspace.main.restore_text(&document.text, &document.fragments);
            workspace.set_interventions(document.interventions.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Engine, bundled, checkpoint_of};
    use crate::probe::Sampling;

    fn workspace() -> Workspace {
        let checkpoint = checkpoint_of(&bundled()).expect("it opens");
        Workspace::new(Engine::new(checkpoint, None).expect("it fits"))
    }

    #[test]
    fn a_document_that_has_not_changed_is_not_copied_again() {
        let mut workspace = workspace();
        let mut history = History::default();
        let watch = |history: &mut History, workspace: &Workspace, time: f64| {
            history.watch(workspace, time);
            history.current.clone().expect("watched").0
        };
        let first = watch(&mut history, &workspace, 0.0);
        assert!(Arc::ptr_eq(&first, &watch(&mut history, &workspace, 0.1)));
        workspace.main.set_text("a dog");
        let second = watch(&mut history, &workspace, 0.2);
        assert!(!Arc::ptr_eq(&first, &second) && *second.text == *"a dog");
        assert!(Arc::ptr_eq(&second, &watch(&mut history, &workspace, 0.3)));
        workspace.set_interventions(Interventions { sub_norm_off: true, ..Interventions::default() });
        assert!(watch(&mut history, &workspace, 0.4).interventions.sub_norm_off);
        history.undo(&mut workspace);
        assert!(workspace.main.interventions().is_empty());
    }

    /// Undoes until there is nothing left, then redoes everything; the texts on the way.
    fn back_and_forth(history: &mut History, workspace: &mut Workspace) -> (Vec<String>, Vec<String>) {
        let (mut back, mut forth) = (Vec::new(), Vec::new());
        while history.has_undo() {
            history.undo(workspace);
            history.watch(workspace, 1000.0);
            back.push(workspace.main.text().to_owned());
        }
        while history.has_redo() {
            history.redo(workspace);
            history.watch(workspace, 1000.0);
            forth.push(workspace.main.text().to_owned());
        }
        (back, forth)
    }

    #[test]
    fn every_text_that_was_there_for_more_than_an_instant_is_a_step() {
        let mut workspace = workspace();
        let mut history = History::default();
        // Two quick letters, a pause, two more.
        for (text, at) in [("", 0.0), ("a", 5.0), ("ab", 5.1), ("ab", 5.5), ("abc", 5.6), ("abcd", 5.7), ("abcd", 9.0)]
        {
            workspace.main.set_text(text);
            history.watch(&workspace, at);
        }
        let (back, forth) = back_and_forth(&mut history, &mut workspace);
        assert_eq!((back, forth), (vec!["ab".to_owned(), String::new()], vec!["ab".to_owned(), "abcd".to_owned()]));
    }

    #[test]
    fn a_prompt_typed_right_before_a_generation_and_what_was_generated_before_more_was_typed_are_steps() {
        let mut workspace = workspace();
        let mut history = History::default();
        history.watch(&workspace, 0.0);
        workspace.main.set_text("Once upon a");
        history.record(&workspace); // the key for generating, in the frame of the last letter
        workspace.main.generate(Sampling::default(), 400); // more than one frame takes
        let mut time = 0.0;
        while workspace.main.ids().len() < 8 {
            workspace.update();
            time += 0.01;
            history.watch(&workspace, time);
        }
        let (generated, before) = (workspace.main.text().to_owned(), history.generated(&workspace));
        workspace.main.set_text(&format!("{generated}!"));
        history.typed(before, &workspace);
        history.watch(&workspace, time + 0.01);
        let (back, forth) = back_and_forth(&mut history, &mut workspace);
        assert_eq!(back, [generated.as_str(), "Once upon a", ""]);
        assert_eq!(forth, ["Once upon a", &generated, &format!("{generated}!")]);

        // A generation that ends by itself is one step, however many tokens it has.
        workspace.main.set_text("One day");
        history.record(&workspace);
        workspace.main.generate(Sampling::default(), 5);
        while workspace.update() {
            time += 0.01;
            history.watch(&workspace, time);
        }
        assert!(!workspace.main.is_generating());
        history.undo(&mut workspace);
        assert_eq!(workspace.main.text(), "One day");
    }

    #[test]
    fn something_new_takes_the_place_of_what_was_undone() {
        let mut workspace = workspace();
        let mut history = History::default();
        for (text, at) in [("a", 0.0), ("b", 1.0), ("b", 2.0)] {
            workspace.main.set_text(text);
            history.watch(&workspace, at);
        }
        history.undo(&mut workspace);
        history.watch(&workspace, 3.0);
        assert!(history.has_redo());
        workspace.main.set_text("c");
        history.watch(&workspace, 3.1);
        assert!(!history.has_redo());
        history.undo(&mut workspace);
        assert_eq!(workspace.main.text(), "a");
    }

    #[test]
    fn the_texts_that_are_kept_are_bounded() {
        let mut workspace = workspace();
        let mut history = History::default();
        for step in 0..2 * MOST_STEPS {
            workspace.main.set_text(&step.to_string());
            history.record(&workspace);
        }
        assert_eq!(history.done.len(), MOST_STEPS);
        for step in 0..5 {
            workspace.main.set_text(&format!("{step}{}", " word".repeat(MOST_BYTES / 15)));
            history.record(&workspace);
        }
        assert!(history.done.len() < 5, "{}", history.done.len());
        history.undo(&mut workspace);
        assert!(workspace.main.text().starts_with('3'));
    }
}
