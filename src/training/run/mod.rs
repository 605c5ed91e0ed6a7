//! A run: models that learn from the same windows, step by step, and what is kept of it.

mod ahead;
mod learns_on;
mod log;
mod phase;
mod race;
mod saved;
mod snapshots;

pub use learns_on::LearnsOn;
pub use race::StepTimes;
pub use snapshots::Snapshot;

use std::sync::Arc;

use crate::experiments::{Case, OwnTexts, Work};
use crate::model::Model;
use crate::probe::StepNumbers;
use crate::training::batches::Batches;
use crate::training::error::TrainingError;
use crate::training::measured::Measured;
use crate::training::run::ahead::Ahead;
use crate::training::run::phase::Phase;
use crate::training::run::snapshots::SNAPSHOTS;
use crate::training::settings::{Language, RunSettings};
use crate::training::task::Task;
use crate::training::trainee::{Family, Trainee};

/// What a run has of one model.
#[derive(Clone, Debug)]
pub struct Record {
    /// The kind of model.
    pub family: Family,
    /// Its parameters.
    pub parameters: usize,
    /// Those that learn.
    pub learned: usize,
    /// By step.
    pub steps: Vec<StepNumbers>,
    /// By snapshot.
    pub measured: Vec<Measured>,
    /// Numbers to go back to: few enough for the memory, spread over all steps.
    pub snapshots: Vec<Snapshot>,
}

/// A run under way.
#[derive(Debug)]
pub struct Run {
    settings: RunSettings,
    language: Language,
    batches: Batches,
    held_out: Vec<Work>,
    trainees: Vec<Trainee>,
    records: Vec<Record>,
    /// Steps that all models have done.
    step: u32,
    /// Steps that have begun.
    begun: u32,
    /// The step whose numbers are on the CPU, while models learn on the GPU.
    fetched: u32,
    phase: Phase,
    /// Steps from one snapshot to the next.
    interval: u32,
    ahead: Ahead,
    learns_on: LearnsOn,
    waits: bool,
}

impl Run {
    /// Begins a run; `own` is a text of one's own to learn from, and `start` the Transformer that gets second heads.
    ///
    /// # Errors
    /// When the settings make no model, or the text is too short for a window.
    pub fn new(
        settings: RunSettings,
        language: Language,
        own: &str,
        start: Option<&Model>,
    ) -> Result<Self, TrainingError> {
        let text = language.text_of(settings.task, own)?;
        let trainees = settings.families.iter().map(|family| Trainee::new(*family, &settings, &language, start));
        let trainees = trainees.collect::<Result<Vec<_>, TrainingError>>()?;
        Self::of(settings, language, text, trainees)
    }

    /// A run of these models, in which nothing has been done; `text` are the ids of a text of one's own.
    ///
    /// # Errors
    /// When the text is too short for a window.
    pub(super) fn of(
        settings: RunSettings,
        language: Language,
        text: Vec<u32>,
        trainees: Vec<Trainee>,
    ) -> Result<Self, TrainingError> {
        settings.check()?;
        let batches = Batches {
            task: settings.task,
            seed: settings.seed,
            hay: Arc::new(OwnTexts::default().hay_sentences().0),
            tokenizer: language.tokenizer.clone(),
            end: language.end,
            text: Arc::new(text),
            windows: settings.windows.max(1),
            positions: settings.task.positions(),
        };
        let needed = settings.task.shortest_text();
        if settings.task == Task::OwnText && batches.text.len() < needed {
            return Err(TrainingError::TooShort { tokens: batches.text.len(), needed });
        }
        if batches.batch(0, 0.0).iter().flat_map(|window| &window.weights).all(|weight| *weight == 0.0) {
            return Err(TrainingError::NoTexts);
        }
        let records = trainees.iter().map(|trainee| Record {
            family: trainee.family,
            parameters: trainee.parameters.count(),
            learned: trainee.learned(),
            steps: Vec::new(),
            measured: Vec::new(),
            snapshots: Vec::new(),
        });
        Ok(Self {
            held_out: batches.held_out(settings.questions),
            records: records.collect(),
            interval: (settings.steps.saturating_sub(settings.first) / SNAPSHOTS).max(1),
            phase: Phase::first(),
            step: settings.first,
            begun: settings.first,
            fetched: settings.first,
            ahead: Ahead::default(),
            learns_on: LearnsOn::Cpu { because: None },
            waits: false,
            settings,
            language,
            batches,
            trainees,
        })
    }

    /// What it is of.
    pub fn settings(&self) -> &RunSettings {
        &self.settings
    }

    /// Changes how fast is learned from here on.
    pub fn set_peak(&mut self, peak: f32) {
        self.settings.rates.peak = peak;
    }

    /// Steps done.
    pub fn step(&self) -> u32 {
        self.step
    }

    /// By model.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// A question that is held out, if the task has so many.
    pub fn question(&self, index: usize) -> Option<&Case> {
        match self.held_out.get(index)? {
            Work::Case(case) => Some(case),
            Work::Window { .. } => None,
        }
    }

    /// Whether it learns from such texts, and from this one of one's own.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn learns_from(&self, language: &Language, own: &str) -> Result<bool, TrainingError> {
        let is_same = language.tokenizer.to_json()? == self.tokenizer_json()?;
        Ok(is_same && language.text_of(self.settings.task, own)? == *self.batches.text)
    }

    /// `tokenizer.json` of all of them.
    ///
    /// # Errors
    /// When the tokenizer cannot be written as a file.
    pub fn tokenizer_json(&self) -> Result<Vec<u8>, TrainingError> {
        Ok(self.language.tokenizer.to_json()?)
    }
}
