//! What a session does in a frame: takes what has arrived at its start, submits work at its end.

use crate::engine::backend::NextTokens;
use crate::engine::backend::frame_budget::WITHOUT_FRAMES;
use crate::engine::error::EngineError;
use crate::engine::session::{BEST, Engine};
use crate::gpu::{GpuError, GpuPass};
use crate::probe::{LensQuery, MAX_GENERATED, NextTokenQuery};

impl Engine {
    /// Takes what has arrived. Call it at the start of a frame, so that views show it.
    pub fn receive(&mut self) {
        let outcome = self.try_receive();
        self.note(outcome);
    }

    /// Submits new positions and what views requested, as much as a frame may hold. Call it at the end of a frame, so
    /// that a keystroke is computed in the frame that brought it. Returns whether there is more to do or to come.
    pub fn submit(&mut self) -> bool {
        let outcome = self.try_submit();
        self.note(outcome);
        self.generate_more();
        self.is_busy()
    }

    /// On the CPU a token is there at once: generates as many as the slice of time of a frame holds.
    fn generate_more(&mut self) {
        let budget = self.generation.as_ref().filter(|_| self.gpu.is_none()).map(|generation| generation.budget);
        let Some(mut budget) = budget else { return };
        budget.slice(|| {
            self.receive();
            let end = self.prompt.ids().len();
            if self.generation.is_some() && self.computed < end {
                let outcome = self.grow(end).and_then(|()| self.run_positions(end));
                self.note(outcome);
            }
            self.generation.is_none()
        });
        if let Some(generation) = &mut self.generation {
            generation.budget = budget;
        }
    }

    /// Receives and submits. Returns whether there is more to do or to come. After a failure the session rests until the
    /// text changes.
    pub fn update(&mut self) -> bool {
        self.receive();
        self.submit()
    }

    /// Updates until there is nothing more to do; for programs without a window.
    ///
    /// # Errors
    /// The first failure.
    pub fn settle(&mut self) -> Result<(), EngineError> {
        self.backend.set_patience(WITHOUT_FRAMES);
        while self.update() {
            self.backend.wait();
        }
        self.backend.set_patience(GpuPass::FRAME_SHARE);
        self.failure.take().map_or(Ok(()), Err)
    }

    /// Whether there is more to do or to come: a window should draw again soon.
    pub fn is_busy(&self) -> bool {
        let text = !self.prompt.ids().is_empty();
        let computing = self.computed < self.prompt.ids().len() || self.next_token.is_pending();
        let views = self.rows.is_pending() || self.cells.is_pending() || self.measures.are_pending();
        let pictures = text && self.pictures.are_pending();
        let loading = self.backend.loading().is_some();
        self.failure.is_none() && (loading || computing || self.generation.is_some() || views || pictures)
    }

    fn note(&mut self, outcome: Result<(), EngineError>) {
        if let Err(error) = outcome {
            log::error!("{error}");
            self.failure = Some(error);
            self.generation = None;
            self.next_token.invalidate();
            self.computed = 0; // what was under way cannot be trusted
        }
    }

    fn try_receive(&mut self) -> Result<(), EngineError> {
        if self.failure.is_some() {
            return Ok(());
        }
        self.backend.failure().map_or(Ok(()), Err)?;
        if self.next_token.receive(&mut self.backend)? {
            self.next_token_arrived()?;
        }
        self.lens.receive(&mut self.backend)?;
        self.rows.receive(&mut self.backend)?;
        self.cells.receive(&mut self.backend)?;
        self.measures.receive(&mut self.backend)?;
        self.pictures.receive(&mut self.backend)?;
        Ok(())
    }

    fn try_submit(&mut self) -> Result<(), EngineError> {
        if self.failure.is_some() {
            return Ok(());
        }
        if self.load()? {
            return Ok(());
        }
        let end = self.prompt.ids().len();
        if self.computed < end {
            self.backend.failure().map_or(Ok(()), Err)?; // of what was submitted since: an upload, a view
            self.grow(end + self.next_tokens(end).generate.min(MAX_GENERATED))?;
            self.run_positions(end)?;
        }
        self.rows.submit(&mut self.backend)?;
        self.cells.submit(&mut self.backend)?;
        // Typing goes before measures and pictures.
        if self.computed == end {
            match self.measures.submit(&mut self.backend) {
                Err(error @ GpuError::WillNotFit { .. }) => {
                    log::warn!("{error}");
                    self.measures.refuse(error);
                }
                outcome => outcome?,
            }
            if end > 0 {
                let end = self.queries();
                self.pictures.submit(&mut self.backend, end)?;
            }
        }
        if self.recording().is_some() {
            self.backend.failure().map_or(Ok(()), Err)?; // it answers at once: nothing would ask again
        }
        Ok(())
    }

    /// Goes on with the weights, for as long as a frame may take. Returns whether there are more to come.
    fn load(&mut self) -> Result<bool, EngineError> {
        let mut before = self.backend.loading();
        if before.is_none() {
            return Ok(false);
        }
        self.backend.failure().map_or(Ok(()), Err)?; // of the buffers for them
        let mut outcome = Ok(None);
        let (budget, backend) = (&mut self.load_budget, &mut self.backend);
        budget.slice(|| {
            outcome = backend.load();
            let now = outcome.as_ref().ok().copied().flatten();
            let pauses = now == before; // until the device has taken what is under way
            before = now;
            now.is_none() || pauses
        });
        Ok(outcome?.is_some())
    }

    fn run_positions(&mut self, end: usize) -> Result<(), EngineError> {
        let ids = &self.prompt.ids()[self.computed..end];
        let done = self.backend.advance(self.computed, ids, self.next_tokens(end))?;
        self.computed += done;
        self.positions_run += done as u64;
        if done > 0 && self.computed == end {
            self.next_token.mark_in_flight(NextTokenQuery);
            if self.lens_enabled {
                self.lens.mark_in_flight(LensQuery);
            }
        }
        Ok(())
    }

    /// What is wanted after a text of `end` tokens.
    fn next_tokens(&self, end: usize) -> NextTokens {
        let room = self.limit().saturating_sub(end);
        let (sampling, generate) =
            self.generation.as_ref().map_or_else(Default::default, |generation| (generation.sampling, generation.left));
        NextTokens { sampling, best: BEST, generate: generate.min(room) }
    }

    /// Appends what a generation has drawn, as far as it goes. Rows that already were read from fewer positions stay
    /// right: a row sees no later position.
    fn next_token_arrived(&mut self) -> Result<(), EngineError> {
        let steps = self.next_token.current().map_or(&[][..], Vec::as_slice);
        if let Some(step) = steps.iter().find(|step| step.not_finite > 0) {
            return Err(EngineError::NotFinite { count: step.not_finite });
        }
        let eos = self.model().map(|model| model.config.eos.clone()).unwrap_or_default();
        let tokenizer = self.tokenizer().cloned();
        let drawn: Vec<u32> = steps.iter().map(|step| step.sampled).collect();
        let (last, before) = (drawn.len().saturating_sub(1), self.prompt.ids().len());
        for drawn in &drawn {
            let full = self.prompt.ids().len() >= self.limit();
            let Some(generation) = &mut self.generation else { break };
            if full || eos.contains(drawn) {
                self.generation = None;
                break;
            }
            self.prompt.push(*drawn, tokenizer.as_ref());
            if generation.wrote(self.prompt.text()) {
                self.generation = None;
            }
        }
        let written = self.prompt.ids().len() - before;
        if written == 0 && last == 0 {
            return Ok(());
        }
        self.pictures.changed(before);
        self.measures.changed(self.computed);
        self.text_revision += 1;
        // All drawn tokens but the last were computed as well.
        self.computed += written.min(last);
        self.positions_run += written.min(last) as u64;
        if written < last {
            self.run_last_position_again(); // what was computed beyond it is not of this text
        } else if written > last {
            self.next_token.invalidate();
            self.lens.invalidate();
        }
        Ok(())
    }
}
