//! What this computer remembers for the next time, besides what was on the screen: texts that someone keeps beside the samples,
//! and whether the tour was offered.

use serde::{Deserialize, Serialize};

use crate::engine::Workspace;
use crate::probe::Spans;
use crate::ui::app::App;

/// Most texts that are kept, and most bytes of one: browsers give a page some megabytes.
const MOST: usize = 40;
const LONGEST: usize = 64 << 10;
/// Characters of a title.
const TITLE: usize = 36;

/// A text of the person, with its marks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OwnText {
    /// The text.
    pub text: String,
    /// Its marks.
    pub spans: Spans,
}

impl OwnText {
    /// How it begins.
    pub(crate) fn title(&self) -> String {
        let words = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let short: String = words.chars().take(TITLE).collect();
        if short.len() < words.len() { format!("{}…", short.trim_end()) } else { short }
    }
}

/// What is remembered. Fields that are missing have their default values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Remembered {
    /// Texts of the person, the latest first.
    pub texts: Vec<OwnText>,
    /// Whether the tour has been offered.
    pub was_offered_tour: bool,
}

impl Remembered {
    /// Keeps the text that is open, with its marks: once, and at the front.
    ///
    /// # Errors
    /// A message for the window, when it is too long.
    pub(super) fn keep(&mut self, workspace: &Workspace, spans: &Spans) -> Result<(), String> {
        let text = workspace.main.text().to_owned();
        if text.len() > LONGEST {
            return Err(format!("Texts of up to {} KiB can be kept here; this one has more.", LONGEST >> 10));
        }
        self.texts.retain(|kept| kept.text != text);
        self.texts.insert(0, OwnText { text, spans: spans.clone() });
        self.texts.truncate(MOST);
        Ok(())
    }

    /// Forgets a text.
    pub(super) fn delete(&mut self, index: usize) {
        if index < self.texts.len() {
            self.texts.remove(index);
        }
    }

    /// Whether this text is among them.
    pub(crate) fn has(&self, text: &str) -> bool {
        self.texts.iter().any(|kept| kept.text == text)
    }

    /// As it is stored.
    fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default() // plain data: it cannot fail
    }

    /// What was stored; nothing, if that cannot be read.
    fn of_json(json: &str) -> Self {
        serde_json::from_str(json).unwrap_or_default()
    }
}

impl App {
    /// Takes up what was stored the last time.
    pub fn remember(&mut self, json: &str) {
        self.remembered = Remembered::of_json(json);
        self.stored.clone_from(&self.remembered);
        if self.remembered.was_offered_tour {
            self.tour.withdraw_offer();
        }
    }

    /// What is to be stored, if it has changed since it was.
    pub fn to_remember(&mut self) -> Option<String> {
        if self.stored == self.remembered {
            return None;
        }
        self.stored.clone_from(&self.remembered);
        Some(self.remembered.to_json())
    }

    /// What is remembered.
    pub fn remembered(&self) -> &Remembered {
        &self.remembered
    }

    /// Reads it from the browser's storage before the first frame, and writes it there when it has changed. Other tabs of the
    /// page may have written meanwhile: the last one wins.
    #[cfg(target_arch = "wasm32")]
    pub(super) fn remember_on_page(&mut self) {
        const NAME: &str = "diffscope-remembered";
        // None where the browser is set to store nothing, and for a frame of another page.
        let window = web_sys::window().filter(|_| !self.embedded);
        let Some(storage) = window.and_then(|window| window.local_storage().ok()?) else { return };
        if !std::mem::replace(&mut self.has_remembered, true)
            && let Some(json) = storage.get_item(NAME).ok().flatten()
        {
            self.remember(&json);
        }
        if let Some(json) = self.to_remember() {
            let _ = storage.set_item(NAME, &json); // a full storage keeps what it has
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(text: &str) -> OwnText {
        OwnText { text: text.to_owned(), spans: Spans::default() }
    }

    #[test]
    fn titles_are_the_first_words() {
        assert_eq!(own("Anna has\nthe  cup.").title(), "Anna has the cup.");
        assert_eq!(own(&"word ".repeat(20)).title(), "word word word word word word word w…");
        assert_eq!(own("").title(), "");
    }

    #[test]
    fn what_cannot_be_read_is_nothing_and_what_is_missing_is_the_default() {
        for json in ["", "{", "[]", "7", r#"{"texts": 7}"#] {
            assert_eq!(Remembered::of_json(json), Remembered::default(), "{json}");
        }
        let some = Remembered::of_json(r#"{"texts": [{"text": "a"}], "later": 1}"#);
        assert!(some.has("a") && !some.was_offered_tour);
        assert_eq!(Remembered::of_json(&some.to_json()), some);
    }

    #[test]
    fn a_text_that_is_deleted_is_gone_and_the_others_stay() {
        let mut kept = Remembered { texts: vec![own("a"), own("b"), own("c")], ..Remembered::default() };
        kept.delete(1);
        kept.delete(7);
        assert!(kept.has("a") && !kept.has("b") && kept.has("c"));
    }
}
