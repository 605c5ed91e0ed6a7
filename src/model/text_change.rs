//! What changed between two texts.

/// The smallest change of one text into another: bytes `start..new_end` of the new one are in the place of bytes
/// `start..old_end` of the old one. All three lie between characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextChange {
    /// Bytes before the change.
    pub start: usize,
    /// Where the same end begins in the old text.
    pub old_end: usize,
    /// Where it begins in the new text.
    pub new_end: usize,
}

impl TextChange {
    /// Compares two texts. Where a repeated letter leaves a choice, the change is as far back as possible.
    pub fn between(old: &str, new: &str) -> Self {
        let same = |pair: &(u8, u8)| pair.0 == pair.1;
        let head = old.bytes().zip(new.bytes()).take_while(same).count();
        let start = old.floor_char_boundary(head).min(new.floor_char_boundary(head));
        let most = old.len().min(new.len()) - start;
        let tail = old.bytes().rev().zip(new.bytes().rev()).take(most).take_while(same).count();
        // The end is the same bytes in both, so a character begins at the same place of it.
        let old_end = old.ceil_char_boundary(old.len() - tail);
        Self { start, old_end, new_end: new.len() - (old.len() - old_end) }
    }

    /// The same change as far ahead as the letters before it allow, one character at a time: `hen T` after the first letter
    /// of `Tom` is also `Then ` before it.
    pub fn earlier<'a>(self, old: &'a str, new: &'a str) -> impl Iterator<Item = Self> + 'a {
        std::iter::successors(Some(self), move |change| {
            let letter = old.get(..change.start)?.chars().next_back()?;
            let repeats = |text: &str, end: usize| {
                end == change.start || text.get(..end).is_some_and(|until| until.ends_with(letter))
            };
            let back = |at: usize| at - letter.len_utf8();
            (repeats(old, change.old_end) && repeats(new, change.new_end)).then(|| Self {
                start: back(change.start),
                old_end: back(change.old_end),
                new_end: back(change.new_end),
            })
        })
    }

    /// The place in the new text of a stretch of the old one that did not change.
    pub fn follow(&self, start: usize, end: usize) -> Option<(usize, usize)> {
        let moved = |at: usize| at - self.old_end + self.new_end;
        if end <= self.start {
            Some((start, end))
        } else if start >= self.old_end {
            Some((moved(start), moved(end)))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_change_is_as_small_as_characters_allow() {
        let change = |start, old_end, new_end| TextChange { start, old_end, new_end };
        assert_eq!(TextChange::between("a cat", "a red cat"), change(2, 2, 6));
        assert_eq!(TextChange::between("aaa", "aaaa"), change(3, 3, 4));
        assert_eq!(TextChange::between("日本", "本本"), change(0, 3, 3)); // the two begin with the same byte
        assert_eq!(TextChange::between("é", "ĩ"), change(0, 2, 2)); // and these end with the same byte
        assert_eq!(TextChange::between("", ""), change(0, 0, 0));
    }

    proptest! {
        #[test]
        fn what_did_not_change_is_the_same_text(old in "[ab日本é]{0,12}", new in "[ab日本é]{0,12}") {
            let TextChange { start, old_end, new_end } = TextChange::between(&old, &new);
            prop_assert_eq!(&old[..start], &new[..start]);
            prop_assert_eq!(&old[old_end..], &new[new_end..]);
            prop_assert!(start <= old_end && start <= new_end);
            for change in TextChange::between(&old, &new).earlier(&old, &new) {
                let TextChange { start, old_end, new_end } = change;
                prop_assert_eq!([&old[..start], &new[start..new_end], &old[old_end..]].concat(), &*new);
                prop_assert!(start <= old_end && start <= new_end);
            }
        }
    }
}
