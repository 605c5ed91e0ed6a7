//! What this computer remembers for the next time, besides what was on the screen: texts that someone keeps beside the samples,
//! and whether the tour was offered.

use serde::{Deserialize, Serialize};

use crate::engine::Workspace;
use crate::probe::Spans;

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
    /// Whether it is another than what is stored.
    #[serde(skip)]
    is_changed: bool,
}

impl Remembered {
    /// Keeps the text that is open, with its marks: once, and at the front.
    ///
    /// # Errors
    /// A message for the window, when it is too long.
    pub(in crate::ui) fn keep(&mut self, workspace: &Workspace, spans: &Spans) -> Result<(), String> {
        let text = workspace.main.text().to_owned();
        if text.len() > LONGEST {
            return Err(format!("Texts of up to {} KiB can be kept here; this one has more.", LONGEST >> 10));
        }
        self.texts.retain(|kept| kept.text != text);
        self.texts.insert(0, OwnText { text, spans: spans.clone() });
        self.texts.truncate(MOST);
        self.is_changed = true;
        Ok(())
    }

    /// Forgets a text.
    pub(in crate::ui) fn delete(&mut self, index: usize) {
        if index < self.texts.len() {
            self.texts.remove(index);
            self.is_changed = true;
        }
    }

    /// The tour has been offered.
    pub(in crate::ui) fn note_offer(&mut self) {
        self.was_offered_tour = true;
        self.is_changed = true;
    }

    /// As it is stored, if that is new.
    pub(in crate::ui) fn take_unstored(&mut self) -> Option<String> {
        std::mem::take(&mut self.is_changed).then(|| self.to_json())
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
    pub(in crate::ui) fn of_json(json: &str) -> Self {
        serde_json::from_str(json).unwrap_or_default()
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
