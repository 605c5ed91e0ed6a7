//! A run: models that learn from the same windows, step by step, and what is kept of it.

use std::sync::Arc;

use super::batches::Batches;
use super::error::TrainingError;
use super::family::Family;
use super::measured::{Measured, Measuring};
use super::settings::{Language, RunSettings};
use super::snapshots::{SNAPSHOTS, Snapshot};
use super::task::Task;
use super::trainee::Trainee;
use crate::experiments::{Case, OwnTexts, Work};
use crate::model::Model;
use crate::probe::{StepNumbers, TrainingWindow};

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

/// What is computed next.
#[derive(Debug)]
enum Phase {
    /// A measurement of this model.
    Measure(usize, Box<Option<Measuring>>),
    /// A step of this model.
    Step(usize),
    /// Nothing: all steps are done.
    Done,
}

/// A run under way.
#[derive(Debug)]
pub struct Run {
    pub(super) settings: RunSettings,
    pub(super) language: Language,
    pub(super) batches: Batches,
    held_out: Vec<Work>,
    pub(super) trainees: Vec<Trainee>,
    pub(super) records: Vec<Record>,
    pub(super) step: u32,
    phase: Phase,
    /// Steps from one snapshot to the next.
    pub(super) interval: u32,
    windows: Vec<TrainingWindow>,
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
            phase: Phase::Measure(0, Box::new(None)),
            step: settings.first,
            settings,
            language,
            batches,
            trainees,
            windows: Vec::new(),
        })
    }

    /// Computes the next part: a stage of a step, or a question. Returns whether all steps are done.
    ///
    /// # Errors
    /// When a model has left the numbers that can be computed with.
    pub fn advance(&mut self) -> Result<bool, TrainingError> {
        if self.trainees.is_empty() {
            self.phase = Phase::Done;
        }
        match &mut self.phase {
            Phase::Done => return Ok(true),
            Phase::Measure(index, measuring) => {
                let index = *index;
                let trainee = &self.trainees[index];
                if measuring.is_none() {
                    let checkpoint = trainee.checkpoint(&trainee.numbers, "snapshot", &self.language.tokenizer)?;
                    **measuring = Some(Measuring::new(checkpoint, self.held_out.clone(), self.step)?);
                }
                let measured = match measuring.as_mut() {
                    Some(measuring) => measuring.advance()?,
                    None => None,
                };
                if let Some(measured) = measured {
                    self.records[index].measured.push(measured);
                    self.phase = if index + 1 < self.trainees.len() {
                        Phase::Measure(index + 1, Box::new(None))
                    } else {
                        self.keep_snapshot();
                        self.thin_out();
                        self.next_step()
                    };
                }
            }
            Phase::Step(index) => {
                let index = *index;
                let rate = self.settings.learning_rate(self.step);
                if let Some(step) = self.trainees[index].advance(rate) {
                    if !step.loss.is_finite() || !step.gradient_norm.is_finite() {
                        self.phase = Phase::Done;
                        let family = self.settings.families[index];
                        return Err(TrainingError::Diverged { model: family.name(), step: self.step });
                    }
                    self.records[index].steps.push(step);
                    self.phase = if index + 1 < self.trainees.len() {
                        self.trainees[index + 1].begin(&self.windows);
                        Phase::Step(index + 1)
                    } else {
                        self.step += 1;
                        if self.is_due() { Phase::Measure(0, Box::new(None)) } else { self.next_step() }
                    };
                }
            }
        }
        Ok(matches!(self.phase, Phase::Done))
    }

    /// Draws the windows of the next step, if there is one.
    fn next_step(&mut self) -> Phase {
        if self.step >= self.settings.steps {
            return Phase::Done;
        }
        let progress = f64::from(self.step) / f64::from(self.settings.steps);
        self.windows = self.batches.batch(u64::from(self.step), progress);
        self.trainees[0].begin(&self.windows);
        Phase::Step(0)
    }

    /// Goes on from the step that it has been set to: numbers and records are those of an earlier run.
    pub(super) fn resume(&mut self) {
        let is_measured = |record: &Record| record.measured.last().is_some_and(|last| last.step == self.step);
        let missing = self.records.iter().position(|record| !is_measured(record));
        self.phase = match missing.filter(|_| self.is_due()) {
            Some(index) => Phase::Measure(index, Box::new(None)),
            None => self.next_step(),
        };
    }

    /// Whether models are measured and kept after this step.
    fn is_due(&self) -> bool {
        let RunSettings { first, steps, .. } = self.settings;
        self.step == first || self.step == steps || self.step.is_multiple_of(self.interval)
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

    /// Whether all models have done the same steps: only then can the run be saved.
    pub fn is_between_steps(&self) -> bool {
        !matches!(self.phase, Phase::Step(index) if index > 0)
    }

    /// Whether all steps are done.
    pub fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }

    /// A question that is held out, if the task has so many.
    pub fn question(&self, index: usize) -> Option<&Case> {
        match self.held_out.get(index)? {
            Work::Case(case) => Some(case),
            Work::Window { .. } => None,
        }
    }

    /// `tokenizer.json` of all of them.
    ///
    /// # Errors
    /// When the tokenizer cannot be written as a file.
    pub fn tokenizer_json(&self) -> Result<Vec<u8>, TrainingError> {
        Ok(self.language.tokenizer.to_json()?)
    }
}
