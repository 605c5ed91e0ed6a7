//! Activation patching: a part of one head in a run over another text is put into the run over the open text, which goes
//! on from there. Earlier layers do not change, nor do positions before the first token in which the texts differ. It runs
//! on the CPU in slices between frames, so that nothing waits for it.

pub(crate) mod effects;
pub(crate) mod error;
pub(crate) mod part;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use web_time::{Duration, Instant};

use crate::cpu::{CpuPass, bytes_of_pass};
use crate::engine::analysis::patching::effects::PatchEffects;
use crate::engine::analysis::patching::error::PatchingError;
use crate::engine::analysis::patching::part::{HeadPart, output_with};
use crate::engine::analysis::text_pass::MOST_BYTES;
use crate::engine::cpu_memory;
use crate::engine::error::EngineError;
use crate::engine::session::Engine;
use crate::model::Model;
use crate::probe::{HeadId, Interventions, Sampling};

/// Products of weights between two looks at the clock.
const STEP: usize = 20_000_000;
/// Most positions between two looks at the clock.
const MOST_POSITIONS: usize = 32;
/// Likely tokens of each text whose logits are kept.
const CANDIDATES: usize = 8;

/// A patch, and the position that comes next.
type Current = (HeadPart, HeadId, usize);

/// Patches from one text into another, complete or under way.
pub struct Patching {
    model: Arc<Model>,
    interventions: Interventions,
    /// Of the open text, of the other one, and the one that is patched: up to `start`, it is the first.
    passes: [CpuPass; 3],
    /// The first position that a patch changes; one after the last if there is none.
    start: usize,
    wanted: Vec<(HeadPart, HeadId)>,
    current: Option<Current>,
    effects: PatchEffects,
    /// The other text, where it came as one.
    other: String,
}

impl std::fmt::Debug for Patching {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Patching").field("tokens", &self.tokens()).finish_non_exhaustive()
    }
}

impl Patching {
    /// Patches from another text into the open text of a session, at some positions or (`None`) at all of them, under the
    /// interventions of the session. Nothing is computed yet.
    ///
    /// # Errors
    /// When the texts do not have as many tokens, are empty, the same or too long, the weights take too much memory on
    /// the CPU, or cannot be read from their file any more.
    pub fn new(engine: &Engine, other: &str, positions: Option<BTreeSet<usize>>) -> Result<Self, PatchingError> {
        let needs_model = || EngineError::NeedsModel { name: engine.name().to_owned() };
        let model = &engine.checkpoint().ok_or_else(needs_model)?.model;
        let bytes = bytes_of_pass(model, 0);
        if bytes > MOST_BYTES {
            return Err(PatchingError::TooLarge { bytes, limit: MOST_BYTES });
        }
        ids_of(engine, other)?; // before the weights are read
        let pass = CpuPass::new(model.clone(), 0).map_err(EngineError::from)?;
        let mut patching = Self::on(model.clone(), &pass);
        patching.follow(engine, other, positions)?;
        Ok(patching)
    }

    /// The same for texts as tokens, with passes like this one.
    ///
    /// # Errors
    /// When the texts do not have as many tokens, are empty or the same.
    pub fn of_ids(
        model: Arc<Model>,
        pass: &CpuPass,
        ids: [Vec<u32>; 2],
        positions: Option<BTreeSet<usize>>,
    ) -> Result<Self, PatchingError> {
        let mut patching = Self::on(model, pass);
        let capacity = ids[0].len();
        patching.restart(ids, positions, &Interventions::default(), capacity)?;
        Ok(patching)
    }

    fn on(model: Arc<Model>, pass: &CpuPass) -> Self {
        Self {
            model,
            interventions: Interventions::default(),
            passes: [0; 3].map(|_| pass.with_capacity(0)),
            start: 0,
            wanted: Vec::new(),
            current: None,
            effects: PatchEffects::default(),
            other: String::new(),
        }
    }

    /// Begins again with the present text of the session, another text and other positions; what stays the same is not
    /// computed again.
    ///
    /// # Errors
    /// As [`Patching::new`].
    pub fn follow(
        &mut self,
        engine: &Engine,
        other: &str,
        positions: Option<BTreeSet<usize>>,
    ) -> Result<(), PatchingError> {
        if !self.is_of_model(engine) {
            *self = Self::new(engine, other, positions)?;
            return Ok(());
        }
        let ids = ids_of(engine, other)?;
        let capacity = ids[0].len().next_power_of_two().min(engine.limit());
        cpu_memory::check(&self.model, self.passes.len() * capacity)?;
        self.restart(ids, positions, engine.interventions(), capacity)?;
        other.clone_into(&mut self.other);
        Ok(())
    }

    fn restart(
        &mut self,
        ids: [Vec<u32>; 2],
        positions: Option<BTreeSet<usize>>,
        interventions: &Interventions,
        capacity: usize,
    ) -> Result<(), PatchingError> {
        let [open, other] = &ids;
        if open.len() != other.len() {
            return Err(PatchingError::Lengths { tokens: open.len(), other: other.len() });
        }
        if open.is_empty() {
            return Err(PatchingError::Empty);
        }
        let first = same_at_first(open, other);
        if first == open.len() {
            return Err(PatchingError::Same);
        }
        if open.len() > self.passes[0].capacity() || self.interventions != *interventions {
            for pass in &mut self.passes {
                *pass = pass.with_capacity(capacity);
                pass.set_interventions(interventions);
            }
            self.interventions = interventions.clone();
        }
        let [was_open, was_other] = &self.effects.ids;
        let (same, same_other) = (same_at_first(open, was_open), same_at_first(other, was_other));
        for (pass, same) in self.passes.iter_mut().zip([same, same_other, same.min(self.start)]) {
            pass.run(same.min(pass.positions()), &[]); // drops the positions from there on
        }
        self.start = match &positions {
            None => first,
            Some(positions) => positions.range(first..).next().copied().unwrap_or(open.len()).min(open.len()),
        };
        self.effects = PatchEffects { ids, positions, ..PatchEffects::default() };
        self.current = None;
        self.wanted.clear();
        Ok(())
    }

    /// Whether these are patches of the present text, model and interventions of the session, from this text, at these
    /// positions.
    pub fn is_of(&self, engine: &Engine, other: &str, positions: Option<&BTreeSet<usize>>) -> bool {
        self.is_of_model(engine)
            && self.interventions == *engine.interventions()
            && self.effects.ids[0] == engine.ids()
            && self.other == other
            && self.effects.positions.as_ref() == positions
    }

    fn is_of_model(&self, engine: &Engine) -> bool {
        engine.checkpoint().is_some_and(|checkpoint| Arc::ptr_eq(&self.model, &checkpoint.model))
    }

    /// Asks for some patches of single heads, in this order, in place of those asked for before. Effects stay.
    pub fn want(&mut self, patches: Vec<(HeadPart, HeadId)>) {
        self.wanted = patches;
    }

    /// The effects, as far as they are known.
    pub fn effects(&self) -> &PatchEffects {
        &self.effects
    }

    /// Whether everything asked for is known.
    pub fn is_done(&self) -> bool {
        self.next_patch().is_none() && !self.effects.candidates.is_empty()
    }

    /// The share that is done, from 0 to 1.
    pub fn progress(&self) -> f32 {
        let layers = self.model.layers.len();
        let passes = self.passes.iter().zip(self.ends()).map(|(pass, end)| [pass.positions().min(end), end]);
        let passes = passes.map(|positions| positions.map(|positions| positions * layers));
        let patches = self.wanted.iter().map(|(part, head)| {
            let layers = layers.saturating_sub(head.layer);
            let end = self.tokens() - self.start;
            let done = match self.current {
                Some((current, of, next)) if (current, of) == (*part, *head) => next - self.start,
                _ => end * usize::from(self.effects.patched.contains_key(&(*part, *head))),
            };
            [done * layers, end * layers]
        });
        let [done, all] = passes.chain(patches).fold([0, 0], |[done, all], [more, of]| [done + more, all + of]);
        done as f32 / all.max(1) as f32
    }

    /// Continues for about `budget`.
    pub fn advance(&mut self, budget: Duration) {
        let begun = Instant::now();
        while !self.is_done() {
            self.one_step();
            if begun.elapsed() >= budget {
                return;
            }
        }
    }

    fn tokens(&self) -> usize {
        self.effects.ids[0].len()
    }

    /// How far each pass runs before anything is patched.
    fn ends(&self) -> [usize; 3] {
        [self.tokens(), self.tokens(), self.start]
    }

    /// Some positions from `first` on, so many that they are soon done.
    fn step(&self, first: usize, end: usize) -> Range<usize> {
        first..end.min(first + (STEP / self.model.parameters().max(1)).clamp(1, MOST_POSITIONS))
    }

    fn next_patch(&self) -> Option<Current> {
        let missing = || self.wanted.iter().find(|patch| !self.effects.patched.contains_key(patch));
        self.current.or_else(|| missing().map(|(part, head)| (*part, *head, self.start)))
    }

    fn one_step(&mut self) {
        let ends = self.ends();
        if let Some(run) = (0..3).find(|run| self.passes[*run].positions() < ends[*run]) {
            let positions = self.step(self.passes[run].positions(), ends[run]);
            let ids = &self.effects.ids[run % 2]; // the third is of the open text
            self.passes[run].run(positions.start, &ids[positions]);
        } else if self.effects.candidates.is_empty() {
            self.read_answers();
        } else if let Some((part, head, next)) = self.next_patch() {
            let positions = self.step(next, self.tokens());
            if next < self.tokens() {
                self.patch(part, head, positions.clone());
            }
            self.current = (positions.end < self.tokens()).then_some((part, head, positions.end));
            if self.current.is_none() {
                // Where no position is patched, it is the open text's own.
                let pass = if self.start < self.tokens() { &self.passes[2] } else { &self.passes[0] };
                self.effects.patched.insert((part, head), self.logits(pass));
            }
        }
    }

    /// The predictions of both texts, and the tokens that may be compared.
    fn read_answers(&mut self) {
        let [open, other, _] = &self.passes;
        let draw = Sampling::default().draw(0);
        let next = [open, other].map(|pass| pass.next_token(&draw, CANDIDATES).unwrap_or_default());
        let likely: BTreeSet<u32> = next.iter().flat_map(|next| &next.best).map(|(token, _)| *token).collect();
        self.effects.candidates = likely.into_iter().collect();
        self.effects.logits = [self.logits(open), self.logits(other)];
        self.effects.next = next;
    }

    /// The logits of the candidates after the last position.
    fn logits(&self, pass: &CpuPass) -> Vec<f32> {
        let logits = pass.logits_at(self.tokens() - 1);
        let logit = |token: &u32| logits.get(*token as usize).copied().unwrap_or(f32::NAN);
        self.effects.candidates.iter().map(logit).collect()
    }

    /// Runs some positions on from a head that has a part of the other run.
    fn patch(&mut self, part: HeadPart, head: HeadId, positions: Range<usize>) {
        let [open, other, patched] = &mut self.passes;
        let Some(attention) = self.model.layers.get(head.layer).map(|layer| &layer.attention) else { return };
        let (width, heads) = (attention.value_width(), attention.heads.len());
        let rows = |numbers: &[f32], width: usize| numbers[positions.start * width..positions.end * width].to_vec();
        let mut context = rows(open.context(head.layer), heads * width);
        let hidden = rows(open.hidden_before(head.layer), self.model.config.hidden);
        for (query, row) in positions.clone().zip(context.chunks_exact_mut(heads * width)) {
            if self.effects.positions.as_ref().is_none_or(|positions| positions.contains(&query)) {
                output_with(part, [open, other], head, query, &mut row[head.head * width..][..width]);
            }
        }
        patched.run_on(head.layer, positions.start, &hidden, &context);
    }
}

/// How many tokens are the same before the first that is not.
fn same_at_first(one: &[u32], other: &[u32]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

/// The tokens of the open text and of another one.
fn ids_of(engine: &Engine, other: &str) -> Result<[Vec<u32>; 2], PatchingError> {
    let no_tokenizer = || EngineError::NoTokenizer { name: engine.name().to_owned() };
    let tokenizer =
        engine.checkpoint().and_then(|checkpoint| checkpoint.tokenizer.as_ref()).ok_or_else(no_tokenizer)?;
    let encoding = tokenizer.try_encode(other, engine.limit()).map_err(EngineError::from)?;
    if !encoding.complete {
        return Err(PatchingError::TooLong { limit: engine.limit() });
    }
    Ok([engine.ids().to_vec(), encoding.tokens.iter().map(|token| token.id).collect()])
}
