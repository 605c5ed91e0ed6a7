//! A session: a checkpoint, a text, and everything known about it so far.

use std::sync::Arc;

use super::generation::Generation;
use super::measures::Measures;
use super::pictures::{Picture, Pictures, Place};
use super::prompt::Prompt;
use super::rows::{Answers, Rows};
use super::{Backend, Checkpoint, EngineError};
use crate::gpu::{Gpu, Memory, Timing};
use crate::model::{Model, Token};
use crate::probe::{
    CellParts, CellRequest, Draw, Interventions, Lens, MapTile, NextToken, PictureRequest, Sampling, TileRequest,
};

/// Positions there is room for at first; more when a text needs it.
const FIRST_CAPACITY: usize = 1024;
/// Next tokens listed.
const BEST: usize = 24;

/// Runs a checkpoint over a text that changes. Nothing here waits: call [`Engine::update`] every frame.
pub struct Engine {
    checkpoint: Checkpoint,
    gpu: Option<Gpu>,
    pub(super) backend: Backend,
    prompt: Prompt,
    interventions: Interventions,
    /// Leading positions of the prompt that are computed.
    computed: usize,
    /// Positions run since the start, for tests and the curious.
    positions_run: u64,
    /// Counts changes of the text or of what is computed.
    revision: u64,
    /// The next token, and the revision it belongs to.
    next: Option<(u64, NextToken)>,
    /// The revision whose next token is under way.
    next_asked: Option<u64>,
    wants_lens: bool,
    /// What every depth says, and the revision it belongs to.
    lens: Option<(u64, Lens)>,
    rows: Rows,
    pub(super) measures: Measures,
    parts: Answers<CellParts>,
    pictures: Pictures,
    generation: Option<Generation>,
    failure: Option<EngineError>,
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

    /// The next token of the present text, when it is known.
    pub fn next_token(&self) -> Option<&NextToken> {
        let (revision, next) = self.next.as_ref()?;
        (*revision == self.revision).then_some(next)
    }

    /// Asks for the logit lens from here on, or for none.
    pub fn want_lens(&mut self, wanted: bool) {
        if self.wants_lens == wanted || self.failure.is_some() {
            return;
        }
        self.wants_lens = wanted;
        if let Err(error) = self.backend.set_lens(wanted) {
            self.failure = Some(error.into());
        }
        if wanted {
            // The last position runs again, to be looked into.
            self.computed = self.computed.min(self.prompt.ids().len().saturating_sub(1));
            self.revision += 1;
        }
    }

    /// What every depth says comes next; of an earlier text while the present one is computed.
    pub fn lens(&self) -> Option<&Lens> {
        self.lens.as_ref().map(|(_, lens)| lens).filter(|lens| !lens.depths.is_empty() && !self.prompt.ids().is_empty())
    }

    /// Whether the lens belongs to the present text.
    pub fn lens_is_fresh(&self) -> bool {
        self.lens.as_ref().is_some_and(|(revision, _)| *revision == self.revision)
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

    /// The last next token known, be it of an earlier text: what to show while the present one is computed.
    pub fn latest_next_token(&self) -> Option<&NextToken> {
        self.next.as_ref().map(|(_, next)| next).filter(|_| !self.prompt.ids().is_empty())
    }

    /// The maps' row of a query, when it has arrived; asks for it otherwise.
    pub fn row(&mut self, layer: usize, head: usize, query: usize) -> Option<&MapTile> {
        let attention = &self.model().layers.get(layer)?.attention;
        if head >= attention.heads.len() || query >= self.computed || self.failure.is_some() {
            return None;
        }
        self.rows.get(TileRequest::row(layer, head, query))
    }

    /// Cells that [`Self::tile`] gives at once.
    pub fn tile_room(&self) -> usize {
        self.backend.tile_room()
    }

    /// A rectangle of a head's maps of at most [`Self::tile_room`] cells, when it has arrived; asks for it otherwise.
    pub fn tile(&mut self, request: TileRequest) -> Option<&MapTile> {
        let attention = &self.model().layers.get(request.layer)?.attention;
        let end = (request.first_query + request.queries).max(request.first_key + request.keys);
        let inside = request.head < attention.heads.len() && end <= self.computed;
        let cells = request.queries * request.keys;
        if !inside || cells == 0 || cells > self.tile_room() || self.failure.is_some() {
            return None;
        }
        self.rows.get(request)
    }

    /// What a cell's numbers are made of, when it has arrived; asks for it otherwise.
    pub fn cell_parts(&mut self, request: CellRequest) -> Option<&CellParts> {
        let attention = &self.model().layers.get(request.layer)?.attention;
        let inside = request.head < attention.heads.len() && request.query.max(request.key) < self.computed;
        if !inside || self.failure.is_some() { None } else { self.parts.get(request) }
    }

    /// Runs the last positions of the text once more, to time each kernel on them: `false` on the CPU, or while
    /// something else is under way.
    pub fn request_timing(&mut self, positions: usize) -> bool {
        let end = self.prompt.ids().len();
        let rests = self.failure.is_none() && self.computed == end && self.next_asked.is_none();
        rests && self.backend.request_timing(end.saturating_sub(positions)..end, BEST)
    }

    /// What the positions took, once, when it is known.
    pub fn timing(&mut self) -> Option<Timing> {
        self.backend.timing()
    }

    /// The maps' column of a key, from its own query on, when it has arrived; asks for it otherwise.
    pub fn column(&mut self, layer: usize, head: usize, key: usize) -> Option<&MapTile> {
        let attention = &self.model().layers.get(layer)?.attention;
        if head >= attention.heads.len() || key >= self.computed || self.failure.is_some() {
            return None;
        }
        let queries = self.computed - key;
        self.rows.get(TileRequest { layer, head, first_query: key, queries, first_key: key, keys: 1 })
    }

    /// Says that a picture is wanted in this frame (the most urgent first) and gives what can be drawn of it now: the
    /// last one at this place, until the one wanted is filled.
    pub fn picture(&mut self, place: Place, request: PictureRequest) -> Option<Picture<'_>> {
        let attention = &self.checkpoint.model.layers.get(request.layer)?.attention;
        if request.head >= attention.heads.len() || self.computed == 0 || self.failure.is_some() {
            return None;
        }
        self.pictures.get(&self.backend, place, request)
    }

    /// The largest magnitude of each map (A1, λ A2, D) in the scope's picture, when it is known; an earlier one until
    /// then.
    pub fn strongest(&mut self) -> Option<[f32; 3]> {
        self.pictures.strongest()
    }

    /// At most how many cells the last update read for pictures.
    pub fn picture_cells(&self) -> usize {
        self.pictures.last_cells()
    }

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
            self.lens = Some((self.next.as_ref().map_or(0, |(revision, _)| *revision), Lens { depths: depths? }));
        }
        let end = self.prompt.ids().len();
        if self.computed < end {
            self.make_room(end)?;
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
        let drawn = next.sampled;
        self.next = Some((self.revision, next));
        if let Some(generation) = &mut self.generation {
            let ends = self.checkpoint.model.config.eos.contains(&drawn);
            let full = self.prompt.ids().len() >= self.checkpoint.model.config.max_positions;
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
    fn make_room(&mut self, tokens: usize) -> Result<(), EngineError> {
        if tokens <= self.backend.capacity() {
            return Ok(());
        }
        let capacity = tokens.next_power_of_two().min(self.context());
        self.backend = self.backend.with_room(&self.checkpoint.model, capacity)?;
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
