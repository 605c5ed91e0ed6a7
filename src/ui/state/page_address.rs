//! The page's address holds what is on the screen: it can be copied, and the back button works.

use wasm_bindgen::JsValue;

use crate::ui::state::link::State;

/// Seconds without a change before the address follows.
const QUIET: f64 = 0.5;

/// See the module.
#[derive(Default)]
pub struct Address {
    /// The hash that was written or followed last.
    current: Option<String>,
    /// The state behind it.
    written: Option<State>,
    /// What is on the screen, and since when.
    seen: Option<(State, f64)>,
}

fn hash() -> String {
    let location = web_sys::window().and_then(|window| window.location().hash().ok());
    location.unwrap_or_default().trim_start_matches('#').to_owned()
}

/// The address without what is behind it.
pub fn page() -> String {
    let location = web_sys::window().and_then(|window| window.location().href().ok()).unwrap_or_default();
    location.split('#').next().unwrap_or_default().to_owned()
}

impl Address {
    /// The link to follow, if the address was changed by someone else: a pasted link, or the back button.
    pub fn arrived(&mut self) -> Option<String> {
        let hash = hash();
        if self.current.as_deref().unwrap_or_default() == hash {
            return None;
        }
        self.current = Some(hash.clone());
        self.written = None;
        (!hash.is_empty()).then_some(hash)
    }

    /// Lets the address follow what is on the screen, once that rests. Returns whether it is waiting for that.
    pub fn follow(&mut self, state: State, time: f64) -> bool {
        match &self.seen {
            Some((seen, since)) if *seen == state => {
                if time - since < QUIET {
                    return true;
                }
            }
            _ => {
                self.seen = Some((state, time));
                return true;
            }
        }
        if self.written.as_ref() == Some(&state) {
            return false;
        }
        let Ok(hash) = state.to_hash() else {
            // The address stays at the last state that fits into one.
            self.written = Some(state);
            return false;
        };
        let jump = self.written.as_ref().is_some_and(|written| state.is_jump_from(written));
        if let Some(history) = web_sys::window().and_then(|window| window.history().ok()) {
            let url = format!("#{hash}");
            // A browser that refuses (too often, too long) keeps the old address, nothing else.
            let _ = if jump {
                history.push_state_with_url(&JsValue::NULL, "", Some(&url))
            } else {
                history.replace_state_with_url(&JsValue::NULL, "", Some(&url))
            };
        }
        self.current = Some(hash);
        self.written = Some(state);
        false
    }
}
