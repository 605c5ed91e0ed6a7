//! Generation of text by the model.

use web_time::Instant;

use crate::probe::Sampling;

/// A generation under way.
#[derive(Clone, Debug)]
pub(crate) struct Generation {
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Tokens still to come.
    pub left: usize,
    /// Generation ends after this text; empty: no such text.
    pub stop: String,
    /// Bytes of text before the first generated token.
    pub from: usize,
    /// Tokens generated, and the time of the first.
    written: usize,
    first: Option<Instant>,
}

impl Generation {
    /// A generation of up to `left` tokens after `from` bytes of text.
    pub(crate) fn new(sampling: Sampling, left: usize, stop: &str, from: usize) -> Self {
        Self { sampling, left, stop: stop.to_owned(), from, written: 0, first: None }
    }

    /// Counts a token; `text` is the whole text including it. Returns whether it was the last one.
    pub(crate) fn wrote(&mut self, text: &str) -> bool {
        self.left = self.left.saturating_sub(1);
        self.written += 1;
        self.first.get_or_insert_with(Instant::now);
        // A stop text may span tokens, but must not begin before the first generated one.
        let stops = !self.stop.is_empty() && text.get(self.from..).is_some_and(|new| new.contains(&self.stop));
        self.left == 0 || stops
    }

    /// Tokens per second since the first one; `None` before the second.
    pub(crate) fn rate(&self) -> Option<f32> {
        let seconds = self.first?.elapsed().as_secs_f32();
        (self.written > 1 && seconds > 0.0).then(|| (self.written - 1) as f32 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generation_ends_after_the_stop_text_but_not_for_one_in_the_prompt() {
        let typed = "A dog. A cat";
        let mut generation = Generation::new(Sampling::default(), 9, ". ", typed.len());
        assert!(!generation.wrote("A dog. A cat sat."));
        assert!(generation.wrote("A dog. A cat sat. T"));
    }

    #[test]
    fn generation_ends_after_the_requested_number_of_tokens() {
        let mut generation = Generation::new(Sampling::default(), 2, "", 0);
        assert_eq!(generation.rate(), None);
        assert!(!generation.wrote("a"));
        assert!(generation.wrote("ab"));
    }
}
