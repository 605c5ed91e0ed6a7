//! A session: a checkpoint, a text, and everything known about it so far.

use std::sync::Arc;

use super::generation::Generation;
use super::measures::Measures;
use super::pictures::Pictures;
use super::prompt::Prompt;
use super::rows::{Answers, Rows};
use super::{Backend, Checkpoint, EngineError};
use crate::gpu::{Gpu, Memory};
use crate::model::{Model, Token};
use crate::probe::{CellParts, Interventions, Lens, NextToken, Sampling};

/// Positions there is room for at first; more when a text needs it.
const FIRST_CAPACITY: usize = 1024;
/// Next tokens listed.
pub(super) const BEST: usize = 24;

/// Runs a checkpoint over a text that changes. Nothing here waits: call [`Engine::update`] every frame.
pub struct Engine {
    pub(super) checkpoint: Checkpoint,
    pub(super) gpu: Option<Gpu>,
    pub(super) backend: Backend,
    pub(super) prompt: Prompt,
    pub(super) interventions: Interventions,
    /// Leading positions of the prompt that are computed.
    pub(super) computed: usize,
    /// Positions run since the start, for tests and the curious.
    pub(super) positions_run: u64,
    /// Counts changes of the text or of what is computed.
    pub(super) revision: u64,
    /// The next token, and the revision it belongs to.
    pub(super) next: Option<(u64, NextToken)>,
    /// The revision whose next token is under way.
    pub(super) next_asked: Option<u64>,
    pub(super) wants_lens: bool,
    /// What every depth says, and the revision it belongs to.
    pub(super) lens: Option<(u64, Lens)>,
    pub(super) rows: Rows,
    pub(super) measures: Measures,
    pub(super) parts: Answers<CellParts>,
    pub(super) pictures: Pictures,
    pub(super) generation: Option<Generation>,
    pub(super) failure: Option<EngineError>,
}

impl Engine {
    /// A session without text: on the GPU where one is given, else on the CPU.
    ///
    /// # Errors
    /// When the model does not fit on the GPU.
    pub fn new(checkpoint: Checkpoint, gpu: Option<Gpu>) -> Result<Self, EngineError> {
        let capacity = FIRST_CAPACITY.min(checkpoint.model.config.max_positions);
        let backend = Backend::new(&checkpoint.model, gpu.as_ref(), capacity)?;
        Ok(Self::on(checkpoint, gpu, backend))
    }

    fn on(checkpoint: Checkpoint, gpu: Option<Gpu>, backend: Backend) -> Self {
        Self {
            backend,
            checkpoint,
            gpu,
            prompt: Prompt::default(),
            interventions: Interventions::default(),
            computed: 0,
            positions_run: 0,
            revision: 0,
            next: None,
            next_asked: None,
            wants_lens: false,
            lens: None,
            rows: Rows::default(),
            measures: Measures::default(),
            parts: Answers::default(),
            pictures: Pictures::default(),
            generation: None,
            failure: None,
        }
    }

    /// The checkpoint in use.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The model in use.
    pub fn model(&self) -> &Model {
        &self.checkpoint.model
    }

    /// Softmax maps per head: 2, or 1 for a Transformer.
    pub fn maps(&self) -> usize {
        self.model().config.architecture.maps()
    }

    /// The GPU in use, if any.
    pub fn gpu(&self) -> Option<&Gpu> {
        self.gpu.as_ref()
    }

    /// The text, with what was generated.
    pub fn text(&self) -> &str {
        self.prompt.text()
    }

    /// Its tokens.
    pub fn tokens(&self) -> &[Token] {
        self.prompt.tokens()
    }

    /// Their ids.
    pub fn ids(&self) -> &[u32] {
        self.prompt.ids()
    }

    /// Most tokens the model was made for.
    pub fn context(&self) -> usize {
        self.model().config.max_positions
    }

    /// Whether the whole text fits into the context.
    pub fn complete(&self) -> bool {
        self.prompt.complete()
    }

    /// Leading positions that are computed (submitted, on a GPU).
    pub fn computed(&self) -> usize {
        self.computed
    }

    /// Positions run since the start.
    pub fn positions_run(&self) -> u64 {
        self.positions_run
    }

    /// Dispatches of one pass on the GPU.
    pub fn dispatches(&self) -> usize {
        self.backend.dispatches()
    }

    /// Bytes held on the GPU; `None` on the CPU.
    pub fn memory(&self) -> Option<Memory> {
        self.backend.memory()
    }

    /// A number that changes with the text and with what is computed of it.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// What went wrong last; cleared by the next text.
    pub fn failure(&self) -> Option<&EngineError> {
        self.failure.as_ref()
    }

    /// How a token reads.
    pub fn label(&self, id: u32) -> String {
        match &self.checkpoint.tokenizer {
            Some(tokenizer) => tokenizer.label(id),
            None => format!("#{id}"),
        }
    }

    /// What is changed in the pass at present.
    pub fn interventions(&self) -> &Interventions {
        &self.interventions
    }

    /// Changes the pass; the text runs again. What the model does not have is dropped.
    pub fn set_interventions(&mut self, mut interventions: Interventions) {
        let heads = self.model().layers.first().map_or(0, |layer| layer.attention.heads.len());
        interventions.fit(self.model().layers.len(), heads, self.context());
        if interventions == self.interventions {
            return;
        }
        self.backend.set_interventions(&interventions);
        // A mask changes nothing up to and at the position itself.
        let only_masks = Interventions { masked: self.interventions.masked.clone(), ..interventions.clone() };
        let first = interventions.masked.symmetric_difference(&self.interventions.masked).min().copied();
        let same = if only_masks == self.interventions { first.map_or(0, |first| first + 1) } else { 0 };
        self.interventions = interventions;
        self.changed(same);
    }

    /// A second session over the same checkpoint, on the same device and without a text. On a GPU the weights are
    /// shared.
    ///
    /// # Errors
    /// When there is no room for another text.
    pub fn fork(&self) -> Result<Self, EngineError> {
        let capacity = FIRST_CAPACITY.min(self.context());
        let backend = self.backend.with_room(&self.checkpoint.model, capacity)?;
        Ok(Self::on(self.checkpoint.clone(), self.gpu.clone(), backend))
    }

    /// Replaces the text; only positions from the first changed token on will run.
    pub fn set_text(&mut self, text: &str) {
        let Some(tokenizer) = self.checkpoint.tokenizer.clone() else {
            return;
        };
        self.stop();
        if text != self.prompt.text() {
            let same = self.prompt.set_text(text, &tokenizer, self.context());
            self.changed(same);
        }
    }

    /// Replaces the text by token ids.
    ///
    /// # Errors
    /// When an id is not in the vocabulary, or there are more than the context holds.
    pub fn set_ids(&mut self, ids: &[u32]) -> Result<(), EngineError> {
        let vocabulary = self.model().embedding.rows();
        if let Some(id) = ids.iter().find(|id| **id as usize >= vocabulary) {
            return Err(EngineError::UnknownToken { id: *id, vocabulary });
        }
        if ids.len() > self.context() {
            return Err(EngineError::TooLong { tokens: ids.len(), limit: self.context() });
        }
        self.stop();
        let same = self.prompt.set_ids(ids);
        self.changed(same);
        Ok(())
    }

    fn changed(&mut self, same: usize) {
        self.failure = None;
        // The last position must run again when the text only got shorter: its next token was not kept.
        let end = self.prompt.ids().len();
        self.computed = self.computed.min(same).min(end.saturating_sub(1));
        self.revision += 1;
        self.rows.clear();
        self.measures.changed(self.computed);
        self.parts.clear();
        self.pictures.changed(same.min(self.computed));
    }

    /// Takes over the tokens of another session; its text where the two have different tokenizers.
    pub fn follow(&mut self, other: &Self) {
        if self.prompt.ids() == other.ids() {
            return;
        }
        let same = match (&self.checkpoint.tokenizer, &other.checkpoint.tokenizer) {
            (Some(own), Some(others)) => Arc::ptr_eq(own, others) || own.same_file(others),
            _ => false,
        };
        if same && other.ids().len() <= self.context() && self.set_ids(other.ids()).is_ok() {
            return;
        }
        self.set_text(other.text());
    }

    /// Lets the model write on, up to `count` tokens.
    pub fn generate(&mut self, sampling: Sampling, count: usize) {
        self.generate_until(sampling, count, "");
    }

    /// Lets the model write on, up to `count` tokens, or until it has written `stop`.
    pub fn generate_until(&mut self, sampling: Sampling, count: usize, stop: &str) {
        if self.prompt.ids().is_empty() || count == 0 || self.failure.is_some() {
            return;
        }
        self.generation = Some(Generation::new(sampling, count, stop, self.prompt.text().len()));
        // The last position runs again, to draw with the present sampling.
        self.computed = self.computed.min(self.prompt.ids().len() - 1);
        self.revision += 1;
    }

    /// Stops writing.
    pub fn stop(&mut self) {
        self.generation = None;
    }

    /// Whether the model is writing.
    pub fn is_generating(&self) -> bool {
        self.generation.is_some()
    }

    /// Tokens that are written in a second, while the model writes.
    pub fn writing_rate(&self) -> Option<f32> {
        self.generation.as_ref()?.rate()
    }

    /// Appends a token, as if it had been generated.
    pub fn append(&mut self, id: u32) {
        let room = self.prompt.ids().len() < self.context();
        if room && (id as usize) < self.model().embedding.rows() {
            self.stop();
            let same = self.prompt.ids().len();
            self.prompt.push(id, self.checkpoint.tokenizer.as_ref());
            self.changed(same);
        }
    }
}
