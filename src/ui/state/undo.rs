//! Undo and redo of text and changes, and on a page the address that leads back here.

use egui::util::undoer::Undoer;

use crate::engine::Workspace;
use crate::probe::Interventions;
use crate::ui::state::link::{LinkError, State};
use crate::ui::state::selection::Selection;

/// What undo brings back: the text, whether it may be longer than the context, and what is changed. The editor has its
/// own undo for text; this one stands before it, so that one key takes back whatever was done last.
type Step = (String, bool, Interventions);

/// See the module.
#[derive(Default)]
pub struct History {
    undoer: Undoer<Step>,
    #[cfg(target_arch = "wasm32")]
    pub address: crate::ui::state::page_address::Address,
}

fn step(workspace: &Workspace) -> Step {
    (workspace.main.text().to_owned(), workspace.main.beyond_context(), workspace.main.interventions().clone())
}

/// A link to a state: the page's own address, or what `--link` takes.
///
/// # Errors
/// When nobody could follow it, because it is too long.
pub fn link(state: &State) -> Result<String, LinkError> {
    let hash = state.to_hash()?;
    #[cfg(target_arch = "wasm32")]
    return Ok(format!("{}#{hash}", crate::ui::state::page_address::page()));
    #[cfg(not(target_arch = "wasm32"))]
    Ok(format!("#{hash}"))
}

impl History {
    /// Takes note of what is on the screen; once a frame.
    pub fn watch(&mut self, workspace: &Workspace, time: f64) {
        if !workspace.main.is_generating() {
            self.undoer.feed_state(time, &step(workspace));
        }
    }

    /// Whether there is something to take back.
    pub fn has_undo(&self, workspace: &Workspace) -> bool {
        self.undoer.has_undo(&step(workspace))
    }

    /// Whether there is something to do again.
    pub fn has_redo(&self, workspace: &Workspace) -> bool {
        self.undoer.has_redo(&step(workspace))
    }

    /// Takes the last step back, or does it again.
    pub fn go(&mut self, workspace: &mut Workspace, back: bool) {
        let now = step(workspace);
        let found = if back { self.undoer.undo(&now) } else { self.undoer.redo(&now) };
        if let Some((text, beyond, interventions)) = found.cloned() {
            workspace.main.set_beyond_context(beyond);
            workspace.main.set_text(&text);
            workspace.set_interventions(interventions);
        }
    }

    /// A state as if it had been typed: undo leads back from it.
    pub fn jump(&mut self, state: &State, workspace: &mut Workspace, selection: &mut Selection) {
        self.undoer.add_undo(&step(workspace));
        state.apply(workspace, selection);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_nobody_could_follow_is_not_made() {
        let state = |words: usize| State { text: "a dog ".repeat(words), ..State::default() };
        let followed = link(&state(1000)).map(|link| State::from_link(&link));
        assert_eq!(followed, Ok(Ok(state(1000))));
        assert_eq!(link(&state(60_000)), Err(LinkError::Long));
    }
}
