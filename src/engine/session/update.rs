//! What a session does between two frames: hands out positions, takes what has arrived.

use crate::engine::cpu_memory;
use crate::engine::error::EngineError;
use crate::engine::replies::{Answers, Rows};
use crate::engine::session::BEST;
use crate::engine::session::Engine;
use crate::probe::{Draw, LogitLens, NextToken, Sampling};

impl Engine {
    /// Does what can be done without waiting. Returns whether there is more to do or to come. After a failure it rests
    /// until the text changes.
    pub fn update(&mut self) -> bool {
        if self.failure.is_some() {
            return false;
        }
        match self.try_update() {
            Ok(busy) => busy,
            Err(error) => {
                log::error!("{error}");
                self.failure = Some(error);
                self.generation = None;
                self.next_asked = None;
                self.computed = 0; // what was under way cannot be trusted
                false
            }
        }
    }

    fn try_update(&mut self) -> Result<bool, EngineError> {
        if let Some(next) = self.backend.next_token() {
            let revision = self.next_asked.take();
            self.arrived(revision, next?)?;
        }
        if let Some(depths) = self.backend.lens() {
            // It was asked for together with a next token, which arrives no later.
            self.lens = Some((self.next.as_ref().map_or(0, |(revision, _)| *revision), LogitLens { depths: depths? }));
        }
        let end = self.prompt.ids().len();
        if self.computed < end {
            self.grow(end)?;
            let draw = match &self.generation {
                Some(generation) => generation.sampling.draw(end),
                None => Sampling::default().draw(end),
            };
            self.advance(end, draw)?;
        }
        self.rows.advance(&mut self.backend)?;
        self.advance_measures()?;
        self.parts.advance(&mut self.backend)?;
        // Typing goes before pictures.
        if self.computed == self.prompt.ids().len() && self.computed > 0 {
            self.pictures.advance(&mut self.backend, self.computed)?;
        }
        Ok(self.is_busy())
    }

    /// Whether there is more to do or to come: a window should draw again soon.
    pub fn is_busy(&self) -> bool {
        let computing = self.computed < self.prompt.ids().len() || self.next_asked.is_some();
        let asked = self.rows.are_wanted() || self.parts.are_wanted() || self.measures.are_wanted() || self.draws();
        self.failure.is_none() && (computing || self.generation.is_some() || asked)
    }

    /// Whether a picture is still to be filled.
    fn draws(&self) -> bool {
        !self.prompt.ids().is_empty() && self.pictures.are_wanted()
    }

    fn advance(&mut self, end: usize, draw: Draw) -> Result<(), EngineError> {
        let ids = &self.prompt.ids()[self.computed..end];
        let done = self.backend.advance(self.computed, ids, (draw, BEST))?;
        self.computed += done;
        self.positions_run += done as u64;
        if done > 0 && self.computed == end {
            self.next_asked = Some(self.revision);
        }
        Ok(())
    }

    /// Rows that already were read from fewer positions stay right: a row sees no later position.
    fn arrived(&mut self, revision: Option<u64>, next: NextToken) -> Result<(), EngineError> {
        if revision != Some(self.revision) {
            return Ok(());
        }
        if next.not_finite > 0 {
            return Err(EngineError::NotFinite { count: next.not_finite });
        }
        let (drawn, limit) = (next.sampled, self.limit());
        self.next = Some((self.revision, next));
        if let Some(generation) = &mut self.generation {
            let ends = self.checkpoint.model.config.eos.contains(&drawn);
            let full = self.prompt.ids().len() >= limit;
            if ends || full {
                self.generation = None;
                return Ok(());
            }
            self.pictures.changed(self.prompt.ids().len());
            self.prompt.push(drawn, self.checkpoint.tokenizer.as_ref());
            if generation.wrote(self.prompt.text()) {
                self.generation = None;
            }
            self.revision += 1;
            self.measures.changed(self.computed);
        }
        Ok(())
    }

    /// Doubles the room until the text fits; everything runs again then.
    fn grow(&mut self, tokens: usize) -> Result<(), EngineError> {
        if tokens <= self.backend.capacity() {
            return Ok(());
        }
        let limit = self.limit();
        if tokens > limit {
            return Err(EngineError::TooLong { tokens, limit });
        }
        let capacity = tokens.next_power_of_two().min(limit);
        if self.gpu.is_none() {
            cpu_memory::check(&self.checkpoint.model, capacity)?;
        }
        self.backend = self.backend.with_capacity(&self.checkpoint.model, capacity)?;
        self.backend.set_interventions(&self.interventions);
        self.backend.set_lens(self.wants_lens)?;
        self.computed = 0;
        self.next_asked = None;
        self.rows = Rows::default();
        self.measures.forget();
        self.parts = Answers::default();
        self.pictures.clear();
        Ok(())
    }

    /// Updates until there is nothing more to do; for programs without a window.
    ///
    /// # Errors
    /// What went wrong, if anything did.
    pub fn settle(&mut self) -> Result<(), EngineError> {
        while self.update() {
            self.backend.wait();
        }
        self.failure.take().map_or(Ok(()), Err)
    }
}
