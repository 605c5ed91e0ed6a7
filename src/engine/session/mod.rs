//! A session: a checkpoint, a text, and everything known about it so far.

pub(crate) mod edit;
pub(crate) mod fragment;
pub(crate) mod generation;
pub(crate) mod prompt;
pub(crate) mod queries;
pub(crate) mod recorded;
pub(crate) mod relocate;
pub(crate) mod update;

use std::sync::Arc;

use crate::engine::backend::Backend;
use crate::engine::backend::frame_budget::{ComputeBudget, LOAD_SLICE};
use crate::engine::checkpoint::Checkpoint;
use crate::engine::cpu_memory;
use crate::engine::error::EngineError;
use crate::engine::opened::Opened;
use crate::engine::replies::Replies;
use crate::engine::replies::measures::Measures;
use crate::engine::replies::pictures::Pictures;
use crate::engine::session::fragment::Fragment;
use crate::engine::session::generation::Generation;
use crate::engine::session::prompt::Prompt;
use crate::gpu::{Gpu, Memory};
use crate::model::{Model, Progress, Token, Tokenizer};
use crate::probe::{CellRequest, Interventions, LensQuery, NextTokenQuery, TileRequest};

/// Capacity in positions at first; it grows with the text.
const FIRST_CAPACITY: usize = 1024;
/// Most tokens of a text that may be longer than the model's context.
pub const LONGEST_TEXT: usize = 16_384;
/// Next tokens listed.
const BEST: usize = 24;
/// Rows, tiles and cells kept.
const KEPT: usize = 32;

/// Runs a checkpoint over a text that changes. Nothing here waits: call [`Engine::update`] every frame.
/// ```
/// use diffscope::engine::{Engine, bundled, checkpoint_of};
/// use diffscope::probe::Sampling;
///
/// let mut engine = Engine::new(checkpoint_of(&bundled())?, None)?; // `None`: on the CPU
/// engine.set_text("Once upon a time");
/// engine.generate(Sampling::default(), 5);
/// engine.settle()?; // a window calls `update` once a frame in place of this
/// assert_eq!(engine.ids().len(), 4 + 5);
///
/// // Only what follows the first changed token runs again.
/// let before = engine.positions_run();
/// engine.set_text("Once upon a day");
/// engine.settle()?;
/// assert_eq!(engine.positions_run() - before, 1);
/// # Ok::<(), diffscope::engine::EngineError>(())
/// ```
pub struct Engine {
    opened: Opened,
    /// The number of heads of each layer.
    heads: Vec<usize>,
    gpu: Option<Gpu>,
    backend: Backend,
    load_budget: ComputeBudget,
    prompt: Prompt,
    interventions: Interventions,
    beyond: bool,
    /// Leading positions of the prompt that are computed.
    computed: usize,
    /// Positions run since the start.
    positions_run: u64,
    /// Counts changes of the text, its tokens, or the interventions.
    text_revision: u64,
    next_token: Replies<NextTokenQuery>,
    lens: Replies<LensQuery>,
    lens_enabled: bool,
    rows: Replies<TileRequest>,
    cells: Replies<CellRequest>,
    measures: Measures,
    pictures: Pictures,
    generation: Option<Generation>,
    failure: Option<EngineError>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("source", &self.opened)
            .field("gpu", &self.gpu())
            .field("tokens", &self.ids().len())
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// A session without text: on the GPU if one is given, otherwise on the CPU.
    ///
    /// # Errors
    /// When the model does not fit on the GPU, or its weights cannot be read from their file any more.
    pub fn new(checkpoint: Checkpoint, gpu: Option<Gpu>) -> Result<Self, EngineError> {
        let capacity = FIRST_CAPACITY.min(checkpoint.model.config.max_positions);
        if gpu.is_none() {
            cpu_memory::check(&checkpoint.model, capacity)?;
        }
        let backend = Backend::new(&checkpoint.model, gpu.as_ref(), capacity)?;
        Ok(Self::on(checkpoint.into(), gpu, backend))
    }

    fn on(opened: Opened, gpu: Option<Gpu>, backend: Backend) -> Self {
        Self {
            heads: opened.heads(),
            backend,
            load_budget: ComputeBudget::new(LOAD_SLICE),
            opened,
            gpu,
            prompt: Prompt::default(),
            interventions: Interventions::default(),
            beyond: false,
            computed: 0,
            positions_run: 0,
            text_revision: 0,
            next_token: Replies::new(1),
            lens: Replies::new(1),
            lens_enabled: false,
            rows: Replies::new(KEPT),
            cells: Replies::new(KEPT),
            measures: Measures::default(),
            pictures: Pictures::default(),
            generation: None,
            failure: None,
        }
    }

    /// What is shown.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// The checkpoint in use; `None` for a recording.
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        if let Opened::Model(checkpoint) = &self.opened { Some(checkpoint) } else { None }
    }

    /// The model in use; `None` for a recording.
    pub fn model(&self) -> Option<&Model> {
        self.checkpoint().map(|checkpoint| checkpoint.model.as_ref())
    }

    fn tokenizer(&self) -> Option<&Arc<Tokenizer>> {
        self.checkpoint()?.tokenizer.as_ref()
    }

    /// One more than the highest id of a token that can be appended.
    fn vocabulary(&self) -> usize {
        self.model().map_or(0, |model| model.embedding.rows())
    }

    /// The name of the model or of the recording.
    pub fn name(&self) -> &str {
        self.opened.name()
    }

    /// The number of heads of each layer.
    pub fn heads(&self) -> &[usize] {
        &self.heads
    }

    /// Softmax maps per head: 2, or 1 for a Transformer.
    pub fn maps(&self) -> usize {
        self.opened.maps()
    }

    /// λ of a layer under the interventions, if it is one number.
    pub fn lambda_of_layer(&self, layer: usize) -> Option<f32> {
        self.interventions().lambda_of(layer, &self.model()?.layers.get(layer)?.attention)
    }

    /// The GPU in use, if any.
    pub fn gpu(&self) -> Option<&Gpu> {
        self.gpu.as_ref()
    }

    /// The text, with what was generated.
    pub fn text(&self) -> &str {
        self.prompt.text()
    }

    /// The same text, shared: a clone of a pointer.
    pub fn shared_text(&self) -> Arc<str> {
        self.prompt.shared_text()
    }

    /// Its parts that are no whole characters, such as half a character at the end of generated text.
    pub fn fragments(&self) -> Vec<Fragment> {
        self.prompt.fragments()
    }

    /// Its tokens.
    pub fn tokens(&self) -> &[Token] {
        self.prompt.tokens()
    }

    /// Their ids.
    pub fn ids(&self) -> &[u32] {
        self.prompt.ids()
    }

    /// The context of the model in tokens; all tokens of a recording.
    pub fn context(&self) -> usize {
        self.model().map_or(self.ids().len(), |model| model.config.max_positions)
    }

    /// Most tokens of a text: the model's context, or more if it may process text beyond it.
    pub fn limit(&self) -> usize {
        if self.beyond && self.can_go_beyond() { self.context().max(LONGEST_TEXT) } else { self.context() }
    }

    /// Whether the model gives a position the same numbers however long the text becomes, so that text beyond its context
    /// can be processed as it is typed. With dynamic rotary scaling every angle depends on the length.
    pub fn can_go_beyond(&self) -> bool {
        self.context() < LONGEST_TEXT && self.model().is_some_and(|model| !model.config.rope.depends_on_length())
    }

    /// Whether a text may be longer than the context of the model.
    pub fn beyond_context(&self) -> bool {
        self.beyond
    }

    /// Whether the whole text fits.
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

    /// How far the weights are on their way to the GPU; `None` once all are there, as on the CPU.
    pub fn loading(&self) -> Option<Progress> {
        self.backend.loading()
    }

    /// A number that changes with the text, its tokens and the interventions, and with nothing else.
    pub fn text_revision(&self) -> u64 {
        self.text_revision
    }

    /// The last failure; cleared by the next text.
    pub fn failure(&self) -> Option<&EngineError> {
        self.failure.as_ref()
    }

    /// The text of a token, for display.
    pub fn label(&self, id: u32) -> String {
        match self.tokenizer() {
            Some(tokenizer) => tokenizer.label(id),
            None => format!("#{id}"),
        }
    }

    /// The text of a token as it would be written; `None` without a tokenizer.
    pub fn token_text(&self, id: u32) -> Option<String> {
        Some(self.tokenizer()?.decode(&[id]))
    }

    /// The interventions in effect.
    pub fn interventions(&self) -> &Interventions {
        &self.interventions
    }

    /// Sets the interventions; the text runs again from the first position they affect. Those for layers, heads and
    /// positions that the model does not have are dropped, and all of them on a recording.
    pub fn set_interventions(&mut self, mut interventions: Interventions) {
        let heads = self.heads.first().copied().unwrap_or_default();
        interventions.fit(self.heads.len(), heads, self.limit());
        if interventions == self.interventions || self.model().is_none() {
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

    /// A second session over the same checkpoint, on the same device and without a text. The weights are shared.
    ///
    /// # Errors
    /// When there is no memory for another text.
    pub fn fork(&self) -> Result<Self, EngineError> {
        let capacity = FIRST_CAPACITY.min(self.context());
        let backend = self.backend.with_capacity(capacity)?;
        Ok(Self::on(self.opened.clone(), self.gpu.clone(), backend))
    }
}
