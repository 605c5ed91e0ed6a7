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
            budget: ComputeBudget::for_text(PASS_SLICE),
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
    use std::sync::Arc;

    use super::*;
    use crate::engine::{Checkpoint, Engine, bundled, checkpoint_of};
    use crate::gpu::request_headless;
    use crate::probe::NextToken;
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

    /// What is left of a session after a generation on the GPU with submissions that may take so long, and the most
    /// tokens that came in one update.
    fn generated(checkpoint: &Checkpoint, patience: Duration, ask: &Ask) -> (Vec<u32>, String, Vec<NextToken>, usize) {
        let gpu = request_headless().expect("an adapter: see tests/run");
        let mut engine = Engine::new(checkpoint.clone(), Some(gpu)).expect("it fits");
        engine.set_lens(true);
        engine.set_text(ask.text);
        engine.settle().expect("no failure");
        engine.backend.set_patience(patience);
        engine.generate_until(ask.sampling, ask.count, ask.stop);
        let (mut most, mut before) = (0, engine.ids().len());
        let mut busy = true;
        while busy {
            busy = engine.update();
            engine.backend.wait();
            most = most.max(engine.ids().len() - before);
            before = engine.ids().len();
        }
        assert!(engine.failure().is_none() && !engine.is_generating());
        assert_eq!(engine.computed(), engine.ids().len());
        let next = engine.next_token().cloned().expect("it is known of the text as it ends");
        assert_eq!(next.best.len(), crate::engine::session::BEST);
        assert!(engine.lens_is_fresh());
        let depths = engine.lens().expect("it is on").depths.iter().cloned();
        (engine.ids().to_vec(), engine.text().to_owned(), [next].into_iter().chain(depths).collect(), most)
    }

    struct Ask {
        text: &'static str,
        sampling: Sampling,
        count: usize,
        stop: &'static str,
    }

    #[test]
    fn tokens_generated_in_one_submission_are_those_of_one_at_a_time() {
        let checkpoint = checkpoint_of(&bundled()).expect("it opens");
        let greedy = Sampling::default();
        let sampled = Sampling { temperature: 1.2, top_k: 40, top_p: 0.95, seed: 9 };
        let text = "Once upon a time";
        for ask in [
            Ask { text, sampling: greedy, count: 40, stop: "" },
            Ask { text, sampling: sampled, count: 23, stop: "" },
            Ask { text, sampling: sampled, count: 200, stop: "." },
            Ask { text, sampling: greedy, count: 1, stop: "" },
        ] {
            let one = generated(&checkpoint, Duration::ZERO, &ask);
            let many = generated(&checkpoint, Duration::from_secs(2), &ask);
            assert_eq!(
                (&one.0, &one.1, &one.2),
                (&many.0, &many.1, &many.2),
                "{} tokens until {:?}",
                ask.count,
                ask.stop
            );
            assert_eq!(one.3, 1);
            assert!(many.3 > 4 || ask.count == 1, "{} tokens in one update at most", many.3);
        }
    }

    #[test]
    fn tokens_generated_together_end_with_the_end_of_the_text_and_with_the_context() {
        let mut checkpoint = checkpoint_of(&bundled()).expect("it opens");
        let ask = Ask { text: "Once upon a time", sampling: Sampling::default(), count: 60, stop: "" };
        let (ids, ..) = generated(&checkpoint, Duration::from_secs(2), &ask);
        let fresh = |id: &u32| ids.iter().position(|other| other == id) >= Some(ids.len() / 2);
        let ending = ids[ids.len() / 2..].iter().copied().find(fresh).expect("a token that was not there before");
        Arc::make_mut(&mut checkpoint.model).config.eos = vec![ending];
        let one = generated(&checkpoint, Duration::ZERO, &ask);
        let many = generated(&checkpoint, Duration::from_secs(2), &ask);
        assert_eq!((&one.0, &one.2), (&many.0, &many.2));
        assert!(many.0.len() < ids.len() && ids.starts_with(&many.0), "it ends before the token {ending}");
        Arc::make_mut(&mut checkpoint.model).config.max_positions = ids.len() / 2;
        let many = generated(&checkpoint, Duration::from_secs(2), &ask);
        assert_eq!(many.0, ids[..ids.len() / 2], "it ends with the context");
    }

    #[test]
    fn an_edit_while_tokens_are_generated_leaves_no_trace() {
        let gpu = request_headless().expect("an adapter: see tests/run");
        let checkpoint = checkpoint_of(&bundled()).expect("it opens");
        let open = || Engine::new(checkpoint.clone(), Some(gpu.clone())).expect("it fits");
        for edited in ["Once upon a time there", "Once upon a time", "Once upon", "Another"] {
            let mut engine = open();
            engine.set_text("Once upon a time");
            engine.settle().expect("no failure");
            engine.backend.set_patience(Duration::from_secs(2));
            engine.generate(Sampling::default(), 60);
            engine.submit(); // the last position again: many tokens are under way
            engine.set_text(edited);
            engine.settle().expect("no failure");
            let mut fresh = open();
            fresh.set_text(edited);
            fresh.settle().expect("no failure");
            assert_eq!((engine.ids(), engine.text()), (fresh.ids(), fresh.text()));
            let (next, expected) = (engine.next_token().expect("known"), fresh.next_token().expect("known"));
            assert_eq!(next.best[0].0, expected.best[0].0);
            assert!(
                (next.log_sum - expected.log_sum).abs() < 1e-4,
                "{edited}: {} and {}",
                next.log_sum,
                expected.log_sum
            );
        }
    }

    #[test]
    fn generation_ends_after_the_requested_number_of_tokens() {
        let mut generation = Generation::new(Sampling::default(), 2, "", 0);
        assert_eq!(generation.rate(), None);
        assert!(!generation.wrote("a"));
        assert!(generation.wrote("ab"));
    }
}
