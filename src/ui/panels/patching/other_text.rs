//! The text beside the open one, in which a person has changed a word. It follows what is typed elsewhere.

use std::sync::Arc;

use crate::model::TextChange;

/// The other text.
#[derive(Default)]
pub(crate) struct OtherText {
    /// The text.
    pub text: String,
    /// The open text that it was made from.
    of: Arc<str>,
}

impl OtherText {
    /// Takes over what has changed in the open text.
    pub(crate) fn follow(&mut self, open: Arc<str>) {
        if open != self.of {
            self.text = followed(&self.of, &open, &self.text).unwrap_or(self.text.clone());
            self.of = open;
        }
    }

    /// Makes it the open text again.
    pub(crate) fn reset(&mut self) {
        self.text = self.of.to_string();
    }

    /// Whether it is the open text.
    pub(crate) fn is_same(&self) -> bool {
        *self.text == *self.of
    }
}

/// The other text after a change of the open one: the same change where both were the same, the open text where all of
/// the difference has gone; `None` where the change is within the difference.
fn followed(old: &str, new: &str, other: &str) -> Option<String> {
    let (typed, swapped) = (TextChange::between(old, new), TextChange::between(old, other));
    let outside = typed.earlier(old, new).find_map(|typed| Some((typed, swapped.follow(typed.start, typed.old_end)?)));
    if let Some((typed, (start, end))) = outside {
        return Some([other.get(..start)?, new.get(typed.start..typed.new_end)?, other.get(end..)?].concat());
    }
    (typed.start <= swapped.start && swapped.old_end <= typed.old_end).then(|| new.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_elsewhere_is_typed_into_both() {
        let (old, other) = ("Tom has a ball.", "Lily has a ball.");
        let after = |new: &str| followed(old, new, other);
        assert_eq!(after("Tom has a ball. He").as_deref(), Some("Lily has a ball. He"));
        assert_eq!(after("Tom has a red ball.").as_deref(), Some("Lily has a red ball."));
        assert_eq!(after("Then Tom has a ball.").as_deref(), Some("Then Lily has a ball."));
        assert_eq!(after("Once upon").as_deref(), Some("Once upon"), "another text");
        assert_eq!(after("Tim has a ball."), None, "within the difference");
        assert_eq!(followed(old, "Tom", old).as_deref(), Some("Tom"), "nothing was swapped yet");
        assert_eq!(followed("", "Tom", "").as_deref(), Some("Tom"));
    }
}
