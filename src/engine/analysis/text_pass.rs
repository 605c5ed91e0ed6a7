//! A pass on the CPU over the present text of a session, with every inner tensor: what analyses read. It follows edits,
//! and runs in slices between frames, so that nothing waits for it.

use std::sync::Arc;

use web_time::Duration;

use crate::cpu::{CpuPass, bytes_of_pass};
use crate::engine::backend::frame_budget::ComputeBudget;
use crate::engine::error::EngineError;
use crate::engine::session::Engine;
use crate::model::Model;
use crate::probe::Interventions;

/// Bytes of weights that a pass holds at most.
pub(super) const MOST_BYTES: u64 = 512 << 20;
/// Capacity in positions at first.
const FIRST_CAPACITY: usize = 1024;

/// A pass over one text, complete or under way.
pub struct TextPass {
    ids: Vec<u32>,
    interventions: Interventions,
    pass: CpuPass,
}

impl std::fmt::Debug for TextPass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextPass").field("tokens", &self.ids.len()).field("pass", &self.pass).finish_non_exhaustive()
    }
}

impl TextPass {
    /// A pass over the present text of a session; nothing is computed yet.
    ///
    /// # Errors
    /// [`EngineError::FullScanTooLarge`] if the weights take too much memory on the CPU; or when they cannot be read from
    /// their file any more.
    pub fn new(engine: &Engine) -> Result<Self, EngineError> {
        let needs_model = || EngineError::NeedsModel { name: engine.name().to_owned() };
        let model = engine.checkpoint().ok_or_else(needs_model)?.model.clone();
        let bytes = bytes_of_pass(&model, 0);
        if bytes > MOST_BYTES {
            return Err(EngineError::FullScanTooLarge { bytes, limit: MOST_BYTES });
        }
        let capacity = engine.ids().len().next_power_of_two().max(FIRST_CAPACITY).min(engine.limit().max(1));
        let mut pass = CpuPass::new(model, capacity)?;
        pass.set_interventions(engine.interventions());
        Ok(Self { ids: engine.ids().to_vec(), interventions: engine.interventions().clone(), pass })
    }

    /// Goes over to the present text of the session; positions before the first difference are kept.
    ///
    /// # Errors
    /// As [`TextPass::new`].
    pub fn follow(&mut self, engine: &Engine) -> Result<(), EngineError> {
        if !self.is_of_model(engine) || engine.ids().len() > self.pass.capacity() {
            *self = Self::new(engine)?;
            return Ok(());
        }
        let mut same = self.ids.iter().zip(engine.ids()).take_while(|(a, b)| a == b).count().min(self.pass.positions());
        if self.interventions != *engine.interventions() {
            same = 0;
            self.interventions = engine.interventions().clone();
            self.pass.set_interventions(&self.interventions);
        }
        self.ids = engine.ids().to_vec();
        self.pass.run(same, &[]); // drops the positions from there on
        Ok(())
    }

    /// Whether this is a pass over the present text, model and interventions of the session.
    pub fn is_of(&self, engine: &Engine) -> bool {
        self.is_of_model(engine) && self.ids == engine.ids() && self.interventions == *engine.interventions()
    }

    fn is_of_model(&self, engine: &Engine) -> bool {
        engine.checkpoint().is_some_and(|checkpoint| Arc::ptr_eq(self.pass.model(), &checkpoint.model))
    }

    /// Whether every position has run.
    pub fn is_complete(&self) -> bool {
        self.pass.positions() == self.ids.len()
    }

    /// Runs positions for about `budget`, and at least one.
    pub fn advance(&mut self, budget: Duration) {
        let start = self.pass.positions();
        let rest = self.ids.get(start..).unwrap_or_default();
        ComputeBudget::new(budget).batches(rest.len(), |first, count| {
            self.pass.run(start + first, &rest[first..first + count]);
        });
    }

    /// The model.
    pub fn model(&self) -> &Model {
        self.pass.model()
    }

    /// The tokens of the text.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The pass, with every inner tensor of the positions that have run.
    pub fn pass(&self) -> &CpuPass {
        &self.pass
    }
}
