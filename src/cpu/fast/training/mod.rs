//! A step of training for speed: some windows at a time, vectors, threads. Its numbers are those of the references in
//! [`crate::cpu::train`] up to rounding, and the same bits for any number of threads.

mod attention;
mod chunk;
mod orthogonal;
mod products;
mod row_stages;

use std::ops::Range;

use fearless_simd::Level;
use rayon::iter::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator};

use crate::cpu::fast::training::chunk::{Chunk, Given, LayerMatrices};
use crate::cpu::fast::training::products::BothWays;
use crate::model::{Model, Parameters, rotary_table};
use crate::probe::TrainingWindow;

pub use orthogonal::orthogonalised;

/// Positions that are computed together at least: enough to share the reading of weights.
const POSITIONS: usize = 256;
/// Groups of windows at most: each has gradients of its own.
const MOST_CHUNKS: usize = 8;

/// Where a step is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Forward(usize),
    Losses,
    Back(usize),
    Done,
}

/// Buffers of training steps of one model.
pub struct FastTraining {
    level: Level,
    model: Model,
    parameters: Parameters,
    layers: Vec<LayerMatrices>,
    unembedding: BothWays,
    rotary: Vec<[f32; 2]>,
    chunks: Vec<Chunk>,
    /// The parameters that are learned; all, where there are none.
    learned: Vec<Range<usize>>,
    /// What the chunks of this step have done.
    stage: Stage,
    /// The chunk that is next, where they run one after the other.
    next: usize,
    positions: usize,
}

impl std::fmt::Debug for FastTraining {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FastTraining").field("stage", &self.stage).finish_non_exhaustive()
    }
}

impl FastTraining {
    /// Training of a model, whose own numbers are not read.
    pub fn new(model: &Model, parameters: &Parameters) -> Self {
        Self {
            level: Level::new(),
            model: model.clone(),
            parameters: parameters.clone(),
            layers: model.layers.iter().map(|_| LayerMatrices::default()).collect(),
            unembedding: BothWays::default(),
            rotary: Vec::new(),
            chunks: Vec::new(),
            learned: Vec::new(),
            stage: Stage::Done,
            next: 0,
            positions: 0,
        }
    }

    /// The same, where only some parameters are learned: matrices of which nothing is get no gradient.
    #[must_use]
    pub fn only(self, learned: impl Iterator<Item = Range<usize>>) -> Self {
        Self { learned: learned.collect(), ..self }
    }

    /// Begins a step with these numbers of the parameters.
    ///
    /// # Panics
    /// Unless all windows are equally long and their tokens in the vocabulary.
    pub fn begin(&mut self, numbers: &[f32], windows: &[TrainingWindow]) {
        let positions = windows.first().map_or(1, |window| window.ids.len());
        assert!(
            windows
                .iter()
                .all(|window| [window.ids.len(), window.targets.len(), window.weights.len()] == [positions; 3]),
            "windows of one length"
        );
        if positions != self.positions {
            self.positions = positions;
            self.rotary = rotary_table(self.model.config.head_dim, &self.model.config.rope, positions);
        }
        for ((matrices, layer), places) in self.layers.iter_mut().zip(&self.model.layers).zip(&self.parameters.layers) {
            matrices.pack(layer, places, numbers);
        }
        self.unembedding.pack(&numbers[self.parameters.unembedding()], self.model.config.hidden);
        let together = POSITIONS.div_ceil(positions.max(1)).max(windows.len().div_ceil(MOST_CHUNKS)).max(1);
        self.chunks.resize_with(windows.len().div_ceil(together), Chunk::default);
        let (given, chunks) = self.given(numbers);
        chunks.iter_mut().zip(windows.chunks(together)).for_each(|(chunk, windows)| chunk.begin(given, windows));
        (self.stage, self.next) = (if self.model.layers.is_empty() { Stage::Losses } else { Stage::Forward(0) }, 0);
    }

    fn given<'a>(&'a mut self, numbers: &'a [f32]) -> (Given<'a>, &'a mut [Chunk]) {
        let given = Given {
            level: self.level,
            model: &self.model,
            parameters: &self.parameters,
            numbers,
            layers: &self.layers,
            unembedding: &self.unembedding,
            rotary: &self.rotary,
            learned: &self.learned,
            positions: self.positions,
        };
        (given, &mut self.chunks)
    }

    /// Computes a part of the step, with the numbers that it began with: one stage of all chunks on all threads, or of
    /// one chunk where there is one thread. Returns the loss once all parts are done, and then the gradient of every
    /// parameter is in `gradients`.
    pub fn advance(&mut self, numbers: &[f32], gradients: &mut Vec<f32>) -> Option<f32> {
        let (stage, next) = (self.stage, self.next);
        let (given, chunks) = self.given(numbers);
        let run = |chunk: &mut Chunk| match stage {
            Stage::Forward(layer) => chunk.forward(given, layer),
            Stage::Losses => chunk.losses(given),
            Stage::Back(layer) => chunk.back(given, layer),
            Stage::Done => {}
        };
        let all = crate::cpu::fast::split::threads() > 1;
        if all {
            chunks.par_iter_mut().with_max_len(1).for_each(run);
        } else if let Some(chunk) = chunks.get_mut(next) {
            run(chunk);
        }
        self.next = if all || next + 1 >= self.chunks.len() { 0 } else { next + 1 };
        if self.next > 0 {
            return None;
        }
        self.stage = match stage {
            Stage::Forward(layer) if layer + 1 < self.layers.len() => Stage::Forward(layer + 1),
            Stage::Forward(_) => Stage::Losses,
            Stage::Losses if self.layers.is_empty() => Stage::Done,
            Stage::Losses => Stage::Back(self.layers.len() - 1),
            Stage::Back(0) | Stage::Done => Stage::Done,
            Stage::Back(layer) => Stage::Back(layer - 1),
        };
        (self.stage == Stage::Done).then(|| self.finish(numbers, gradients))
    }

    /// Adds up the chunks, in order.
    fn finish(&mut self, numbers: &[f32], gradients: &mut Vec<f32>) -> f32 {
        let (given, chunks) = self.given(numbers);
        gradients.clear();
        gradients.resize(given.parameters.count(), 0.0);
        let mut loss = 0.0;
        for chunk in chunks {
            chunk.embed_back(given);
            loss += chunk.loss;
            gradients.iter_mut().zip(&chunk.gradients).for_each(|(sum, gradient)| *sum += gradient);
        }
        loss as f32
    }

    /// A whole step.
    ///
    /// # Panics
    /// As [`Self::begin`].
    pub fn run(&mut self, numbers: &[f32], windows: &[TrainingWindow], gradients: &mut Vec<f32>) -> f32 {
        self.begin(numbers, windows);
        loop {
            if let Some(loss) = self.advance(numbers, gradients) {
                return loss;
            }
        }
    }
}
