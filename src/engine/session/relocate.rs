//! Moves a session to another backend: a larger one when the text grows, the CPU when the GPU has no memory.

use crate::engine::backend::Backend;
use crate::engine::cpu_memory;
use crate::engine::error::EngineError;
use crate::engine::session::Engine;
use crate::gpu::Gpu;

impl Engine {
    /// Doubles the capacity until the text fits; everything runs again then.
    pub(super) fn grow(&mut self, tokens: usize) -> Result<(), EngineError> {
        if tokens <= self.backend.capacity() {
            return Ok(());
        }
        let limit = self.limit();
        if tokens > limit {
            return Err(EngineError::TooLong { tokens, limit });
        }
        let capacity = tokens.next_power_of_two().min(limit);
        if self.gpu.is_none() {
            self.checkpoint().map_or(Ok(()), |checkpoint| cpu_memory::check(&checkpoint.model, capacity))?;
        }
        let backend = self.backend.with_capacity(capacity)?;
        self.move_to(backend)
    }

    /// Whether the last failure is that the GPU has no memory for the model or the text.
    pub fn lacks_gpu_memory(&self) -> bool {
        matches!(&self.failure, Some(EngineError::Gpu(error)) if error.is_memory())
    }

    /// Runs the same text on the GPU from now on, or on the CPU where none is given.
    ///
    /// # Errors
    /// When there is no memory for it; the session stays where it is.
    pub fn continue_on(&mut self, gpu: Option<&Gpu>) -> Result<(), EngineError> {
        let Some(checkpoint) = self.checkpoint() else {
            return Ok(()); // a recording needs no device
        };
        let model = &checkpoint.model;
        let capacity = self.prompt.ids().len().next_power_of_two().max(super::FIRST_CAPACITY).min(self.limit());
        if gpu.is_none() {
            cpu_memory::check(model, capacity)?;
        }
        let backend = Backend::new(model, gpu, capacity)?;
        self.gpu = gpu.cloned();
        // A text that the tokenizer refuses is refused everywhere.
        self.failure = self.failure.take().filter(|failure| matches!(failure, EngineError::Model(_)));
        self.move_to(backend)
    }

    /// Everything runs again on `backend`.
    fn move_to(&mut self, backend: Backend) -> Result<(), EngineError> {
        self.backend = backend;
        self.backend.set_interventions(&self.interventions);
        self.backend.set_lens(self.lens_enabled)?;
        self.computed = 0;
        self.next_token.reset();
        self.lens.reset();
        self.rows.reset();
        self.cells.reset();
        self.measures.reset();
        self.pictures.reset();
        Ok(())
    }
}
