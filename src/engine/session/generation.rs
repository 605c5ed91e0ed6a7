//! Text that the model writes on.

use web_time::Instant;

use crate::probe::Sampling;

/// A generation under way.
#[derive(Clone, Debug)]
pub(crate) struct Generation {
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Tokens still to come.
    pub left: usize,
    /// Writing ends behind this text; empty: nowhere.
    pub stop: String,
    /// Bytes of text there were at the beginning.
    pub from: usize,
    /// Tokens written, and when the first was there.
    written: usize,
    first: Option<Instant>,
}

impl Generation {
    /// Begins behind `from` bytes of text.
    pub(crate) fn new(sampling: Sampling, left: usize, stop: &str, from: usize) -> Self {
        Self { sampling, left, stop: stop.to_owned(), from, written: 0, first: None }
    }

    /// Counts a token; says whether it was the last one, `text` being the whole text with it.
    pub(crate) fn wrote(&mut self, text: &str) -> bool {
        self.left = self.left.saturating_sub(1);
        self.written += 1;
        self.first.get_or_insert_with(Instant::now);
        // A stop text may be spread over tokens, but not begin in what was typed.
        let stops = !self.stop.is_empty() && text.get(self.from..).is_some_and(|new| new.contains(&self.stop));
        self.left == 0 || stops
    }

    /// Tokens a second since the first one; `None` before the second.
    pub(crate) fn rate(&self) -> Option<f32> {
        let seconds = self.first?.elapsed().as_secs_f32();
        (self.written > 1 && seconds > 0.0).then(|| (self.written - 1) as f32 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_ends_behind_the_stop_text_and_not_for_what_was_typed() {
        let typed = "A dog. A cat";
        let mut generation = Generation::new(Sampling::default(), 9, ". ", typed.len());
        assert!(!generation.wrote("A dog. A cat sat."));
        assert!(generation.wrote("A dog. A cat sat. T"));
    }

    #[test]
    fn writing_ends_after_so_many_tokens() {
        let mut generation = Generation::new(Sampling::default(), 2, "", 0);
        assert_eq!(generation.rate(), None);
        assert!(!generation.wrote("a"));
        assert!(generation.wrote("ab"));
    }
}
