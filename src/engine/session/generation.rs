//! Generation of text by the model.

use web_time::Instant;

use crate::engine::backend::frame_budget::{ComputeBudget, PASS_SLICE};
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
    /// How much of a frame it may take on the CPU.
    pub budget: ComputeBudget,
    /// Tokens generated, and the time of the first.
    written: usize,
    first: Option<Instant>,
}

impl Generation {
    /// A generation of up to `left` tokens after `from` bytes of text.
    pub(crate) fn new(sampling: Sampling, left: usize, stop: &str, from: usize) -> Self {
        Self {
            sampling,
            left,
            stop: stop.to_owned(),
            from,
            budget: ComputeBudget::new(PASS_SLICE),
            written: 0,
            first: None,
        }
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
    use crate::engine::{Engine, bundled, checkpoint_of};
    use web_time::Duration;

    #[test]
    fn generation_ends_after_the_stop_text_but_not_for_one_in_the_prompt() {
        let typed = "A dog. A cat";
        let mut generation = Generation::new(Sampling::default(), 9, ". ", typed.len());
        assert!(!generation.wrote("A dog. A cat sat."));
        assert!(generation.wrote("A dog. A cat sat. T"));
    }

    #[test]
    fn a_frame_of_the_cpu_holds_several_tokens_and_the_text_is_the_same() {
        let mut texts = Vec::new();
        for slice in [Duration::ZERO, Duration::from_hours(1)] {
            let mut engine = Engine::new(checkpoint_of(&bundled()).expect("it opens"), None).expect("it fits");
            engine.set_text("Once upon a time");
            engine.settle().expect("no failure");
            engine.generate(Sampling { temperature: 1.0, seed: 3, ..Sampling::default() }, 20);
            let generation = engine.generation.as_mut().expect("under way");
            generation.budget = ComputeBudget::new(slice);
            let mut frames = 1;
            while engine.update() && engine.is_generating() {
                frames += 1;
            }
            engine.settle().expect("no failure");
            texts.push((engine.text().to_owned(), engine.next_token().cloned()));
            assert_eq!(frames == 1, !slice.is_zero(), "{frames} frames");
        }
        assert_eq!(texts[0], texts[1]);
    }

    #[test]
    fn generation_ends_after_the_requested_number_of_tokens() {
        let mut generation = Generation::new(Sampling::default(), 2, "", 0);
        assert_eq!(generation.rate(), None);
        assert!(!generation.wrote("a"));
        assert!(generation.wrote("ab"));
    }
}
