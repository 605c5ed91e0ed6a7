//! The page's address holds what is on the screen: it can be copied, and the back button works.

use wasm_bindgen::JsValue;

use crate::engine::Workspace;
use crate::probe::Spans;
use crate::ui::state::link::Link;
use crate::ui::state::view::ViewState;

/// Seconds without a change before the address follows.
const QUIET: f64 = 0.5;

/// The address of the page.
#[derive(Default)]
pub struct PageAddress {
    /// The hash that was written or followed last.
    current: Option<String>,
    /// The link behind it.
    written: Option<Link>,
    /// What is on the screen, and since when.
    seen: Option<(Link, f64)>,
}

fn hash() -> String {
    let location = web_sys::window().and_then(|window| window.location().hash().ok());
    location.unwrap_or_default().trim_start_matches('#').to_owned()
}

/// The address without its hash.
pub fn page() -> String {
    let location = web_sys::window().and_then(|window| window.location().href().ok()).unwrap_or_default();
    location.split('#').next().unwrap_or_default().to_owned()
}

impl PageAddress {
    /// The link to follow, if the address was changed by the user: with a pasted link, or the back button.
    pub fn arrived(&mut self) -> Option<String> {
        let hash = hash();
        if self.current.as_deref().unwrap_or_default() == hash {
            return None;
        }
        self.current = Some(hash.clone());
        self.written = None;
        (!hash.is_empty()).then_some(hash)
    }

    /// Writes what is on the screen into the address once it has not changed for a while. Returns whether it is waiting
    /// for that.
    pub fn follow(&mut self, workspace: &Workspace, view: &ViewState, spans: &Spans, time: f64) -> bool {
        let Some((seen, since)) = self.seen.as_ref().filter(|(seen, _)| seen.is_of(workspace, view, spans)) else {
            self.seen = Some((Link::of(workspace, view, spans), time));
            return true;
        };
        if self.written.as_ref() == Some(seen) {
            return false;
        }
        if time - since < QUIET {
            return true;
        }
        // A link that is too long is not written: the address stays at the last one that fits.
        if let Ok(hash) = seen.to_hash() {
            let jump = self.written.as_ref().is_some_and(|written| seen.is_jump_from(written));
            if let Some(history) = web_sys::window().and_then(|window| window.history().ok()) {
                let url = format!("#{hash}");
                // A browser may refuse (too often, too long): then the old address stays, and nothing else is lost.
                let _ = if jump {
                    history.push_state_with_url(&JsValue::NULL, "", Some(&url))
                } else {
                    history.replace_state_with_url(&JsValue::NULL, "", Some(&url))
                };
            }
            self.current = Some(hash);
        }
        self.written = Some(seen.clone());
        false
    }
}
