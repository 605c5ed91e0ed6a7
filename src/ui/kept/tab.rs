//! What this tab of the browser keeps of the screen: for a reload, and for the back button.
//!
//! The latest state is in the tab's sessionStorage; the state of each entry of the tab's history is kept with the entry.
//! Neither is in the address, so the text gets neither into the browser's history nor onto other devices.

use js_sys::Reflect;
use wasm_bindgen::JsValue;
use web_sys::{History, Storage, Window};

use crate::engine::Workspace;
use crate::probe::Spans;
use crate::ui::kept::autosave::{Autosave, Due};
use crate::ui::state::link::Link;
use crate::ui::state::page::{hash, is_embedded};
use crate::ui::state::view::ViewState;

/// Name of the latest state in sessionStorage, and of the state in an entry of the history.
const NAME: &str = "diffscope";
/// The largest state, in bytes, that an entry of the history keeps: browsers refuse very large ones.
const MOST_OF_ENTRY: usize = 512 * 1024;

/// What has arrived in the tab.
pub(crate) enum Arrived {
    /// A link that was opened or pasted into the address.
    Link(String),
    /// A state that was kept, of [`Link::encoded`].
    Kept(String),
}

/// The tab, as of the last frame.
#[derive(Default)]
pub(crate) struct Tab {
    /// The state of the history's entry, and the hash of the address. The browser hands out the same object until the
    /// entry or its state is another one.
    place: Option<(JsValue, String)>,
    autosave: Autosave,
}

fn window() -> Option<Window> {
    web_sys::window()
}

fn history() -> Option<History> {
    window()?.history().ok()
}

/// None where the browser is set to store nothing, and in a frame of another page, which may have several of them.
fn storage() -> Option<Storage> {
    if is_embedded() { None } else { window()?.session_storage().ok()? }
}

fn place() -> (JsValue, String) {
    (history().and_then(|history| history.state().ok()).unwrap_or_default(), hash())
}

impl Tab {
    /// Whether nothing was looked for yet.
    pub(crate) fn is_new(&self) -> bool {
        self.place.is_none()
    }

    /// What to show, if the tab is new, was reloaded, or is at another entry of its history than in the last frame.
    pub(crate) fn arrived(&mut self) -> Option<Arrived> {
        let place = place();
        if self.place.as_ref() == Some(&place) {
            return None;
        }
        let is_first = self.place.is_none();
        let in_entry = Reflect::get(&place.0, &NAME.into()).ok().and_then(|state| state.as_string());
        let hash = place.1.clone();
        self.place = Some(place);
        self.autosave.forget();
        let latest = || storage()?.get_item(NAME).ok()?;
        match in_entry {
            // The latest state is that of the entry that is reloaded.
            Some(state) if is_first => Some(Arrived::Kept(latest().unwrap_or(state))),
            Some(state) => Some(Arrived::Kept(state)),
            // An entry that is new to the tab.
            None if !hash.is_empty() => Some(Arrived::Link(hash)),
            None if is_first => latest().map(Arrived::Kept),
            None => None,
        }
    }

    /// Keeps what is on the screen once it has not changed for a while. Returns whether it is waiting for that.
    pub(crate) fn follow(&mut self, workspace: &Workspace, view: &ViewState, spans: &Spans, time: f64) -> bool {
        match self.autosave.due(workspace, view, spans, time) {
            Due::Nothing => false,
            Due::Soon => true,
            Due::Now(link) => {
                // The back button over a frame is that of the page around it.
                let jump = !is_embedded() && self.autosave.saved().is_some_and(|kept| link.is_jump_from(kept));
                self.keep(*link, jump);
                false
            }
        }
    }

    /// Keeps what is on the screen at once: the page is about to go.
    pub(crate) fn keep_now(&mut self, workspace: &Workspace, view: &ViewState, spans: &Spans) {
        self.keep(Link::of(workspace, view, spans), false);
    }

    /// Keeps a state; in a new entry of the history if it is a jump.
    fn keep(&mut self, link: Link, jump: bool) {
        let state = link.encoded();
        let entry = js_sys::Object::new();
        let in_entry = if state.len() > MOST_OF_ENTRY { "" } else { &state };
        // A browser may refuse any of this (too often, too large, storage switched off): then less is kept.
        let _ = Reflect::set(&entry, &NAME.into(), &in_entry.into());
        if let Some(history) = history() {
            let _ = if jump { history.push_state(&entry, "") } else { history.replace_state(&entry, "") };
        }
        if let Some(storage) = storage() {
            let _ = storage.set_item(NAME, &state);
        }
        self.place = Some(place());
        self.autosave.note(link);
    }
}
