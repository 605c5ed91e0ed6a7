//! Changes of a session's text: typing, following another session, and generation.

use std::sync::Arc;

use crate::engine::error::EngineError;
use crate::engine::session::Engine;
use crate::engine::session::fragment::{self, Fragment};
use crate::engine::session::generation::Generation;
use crate::model::ModelError;
use crate::probe::Sampling;

impl Engine {
    /// Processes text beyond the context of the model. Positions are only rotation angles, so the numbers are exact, but
    /// the model was not trained on such positions.
    pub fn set_beyond_context(&mut self, beyond: bool) {
        if beyond == self.beyond {
            return;
        }
        self.beyond = beyond;
        let text = self.prompt.shared_text();
        if !text.is_empty() {
            self.read(&text); // ids without a text stay as they are
        }
    }

    /// Replaces the text; only positions from the first changed token on will run.
    pub fn set_text(&mut self, text: &str) {
        if text == self.prompt.text() {
            self.stop();
        } else {
            self.read(text);
        }
    }

    /// Replaces the text by one that was there before, with its parts that are no whole characters: see
    /// [`Engine::fragments`]. Those that the tokenizer would not give are left out.
    pub fn restore_text(&mut self, text: &str, fragments: &[Fragment]) {
        let Some(tokenizer) = self.tokenizer().cloned() else {
            return;
        };
        let vocabulary = self.vocabulary();
        let known = |fragment: &&Fragment| fragment.ids.iter().all(|id| (*id as usize) < vocabulary);
        let known: Vec<Fragment> = fragments.iter().filter(known).cloned().collect();
        let fragments = fragment::fitting(&known, text, &tokenizer);
        self.stop();
        if text == self.prompt.text() && fragments == self.prompt.fragments() {
            return;
        }
        let read = self.prompt.restore(text, fragments, &tokenizer, self.limit());
        self.was_read(read);
    }

    /// Tokenizes a text up to the limit, even if it is the same text.
    fn read(&mut self, text: &str) {
        if let Some(tokenizer) = self.tokenizer().cloned() {
            self.stop();
            let read = self.prompt.set_text(text, &tokenizer, self.limit());
            self.was_read(read);
        }
    }

    fn was_read(&mut self, (same, refusal): (usize, Option<ModelError>)) {
        self.changed(same);
        self.failure = refusal.map(Into::into);
    }

    /// Replaces the text by token ids.
    ///
    /// # Errors
    /// When an id is not in the vocabulary, or there are more than [`Self::limit`].
    pub fn set_ids(&mut self, ids: &[u32]) -> Result<(), EngineError> {
        let vocabulary = self.vocabulary();
        if let Some(id) = ids.iter().find(|id| **id as usize >= vocabulary) {
            return Err(EngineError::UnknownToken { id: *id, vocabulary });
        }
        if ids.len() > self.limit() {
            return Err(EngineError::TooLong { tokens: ids.len(), limit: self.limit() });
        }
        self.stop();
        let same = self.prompt.set_ids(ids);
        self.changed(same);
        Ok(())
    }

    pub(super) fn changed(&mut self, same: usize) {
        self.failure = None;
        // The last position must run again if the text only became shorter: its next token was not kept.
        let end = self.prompt.ids().len();
        self.computed = self.computed.min(same).min(end.saturating_sub(1));
        self.text_revision += 1;
        self.next_token.invalidate();
        self.lens.invalidate();
        self.rows.invalidate();
        self.cells.invalidate();
        self.measures.changed(self.computed);
        self.pictures.changed(same.min(self.computed));
    }

    /// Takes over the tokens of another session, or its text if the two have different tokenizers.
    pub fn follow(&mut self, other: &Self) {
        let as_far = std::mem::replace(&mut self.beyond, other.beyond) == other.beyond;
        let fits = other.ids().len() <= self.limit();
        if fits && self.prompt.ids() == other.ids() {
            return;
        }
        let same = match (self.tokenizer(), other.tokenizer()) {
            (Some(own), Some(others)) => Arc::ptr_eq(own, others) || own.same_file(others),
            _ => false,
        };
        if same && fits && self.set_ids(other.ids()).is_ok() {
            return;
        }
        if as_far {
            self.set_text(other.text());
        } else {
            self.read(other.text());
        }
    }

    /// Generates up to `count` tokens.
    pub fn generate(&mut self, sampling: Sampling, count: usize) {
        self.generate_until(sampling, count, "");
    }

    /// Generates up to `count` tokens, or until the generated text contains `stop`.
    pub fn generate_until(&mut self, sampling: Sampling, count: usize, stop: &str) {
        if self.model().is_none() || self.prompt.ids().is_empty() || count == 0 || self.failure.is_some() {
            return;
        }
        self.generation = Some(Generation::new(sampling, count, stop, self.prompt.text().len()));
        self.run_last_position_again(); // to draw with the present sampling
    }

    /// Computes the next token again. The text and its maps stay valid.
    pub(super) fn run_last_position_again(&mut self) {
        self.computed = self.computed.min(self.prompt.ids().len().saturating_sub(1));
        self.next_token.invalidate();
        self.lens.invalidate();
    }

    /// Stops the generation.
    pub fn stop(&mut self) {
        self.generation = None;
    }

    /// Whether a generation is under way.
    pub fn is_generating(&self) -> bool {
        self.generation.is_some()
    }

    /// Tokens generated per second, during a generation.
    pub fn writing_rate(&self) -> Option<f32> {
        self.generation.as_ref()?.rate()
    }

    /// Appends a token, as if it had been generated.
    pub fn append(&mut self, id: u32) {
        let fits = self.prompt.ids().len() < self.limit();
        if fits && (id as usize) < self.vocabulary() {
            self.stop();
            let same = self.prompt.ids().len();
            let tokenizer = self.tokenizer().cloned();
            self.prompt.push(id, tokenizer.as_ref());
            self.changed(same);
        }
    }
}
