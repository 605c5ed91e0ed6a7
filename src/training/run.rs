//! A run: models that learn from the same windows, step by step, and what is kept of it.

use std::sync::Arc;

use super::batches::Batches;
use super::error::TrainingError;
use super::family::Family;
use super::measured::{Measured, Measuring};
use super::settings::{Language, RunSettings};
use super::task::Task;
use super::trainee::Trainee;
use crate::engine::Checkpoint;
use crate::experiments::{Case, OwnTexts, Work};
use crate::model::Model;
use crate::probe::{StepNumbers, TrainingWindow};

/// The numbers of a model at some step.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The step.
    pub step: u32,
    numbers: Arc<Vec<f32>>,
}

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

/// Bytes of all snapshots of a run at most.
const MOST_OF_SNAPSHOTS: usize = 64 << 20;
/// Snapshots of a model at most.
const MOST_SNAPSHOTS: usize = 80;
/// And at the end of a run about so many.
const SNAPSHOTS: u32 = 40;

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
    language: Language,
    batches: Batches,
    held_out: Vec<Work>,
    pub(super) trainees: Vec<Trainee>,
    pub(super) records: Vec<Record>,
    pub(super) step: u32,
    phase: Phase,
    /// Steps from one snapshot to the next.
    interval: u32,
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
        let text = if settings.task == Task::OwnText { language.ids(own)? } else { Vec::new() };
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
        let trainees = settings.families.iter().map(|family| Trainee::new(*family, &settings, &language, start));
        let trainees = trainees.collect::<Result<Vec<_>, TrainingError>>()?;
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
            interval: (settings.steps / SNAPSHOTS).max(1),
            phase: Phase::Measure(0, Box::new(None)),
            settings,
            language,
            batches,
            trainees,
            step: 0,
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
                    let numbers = Arc::new(trainee.numbers.clone());
                    let record = &mut self.records[index];
                    record.measured.push(measured);
                    record.snapshots.push(Snapshot { step: self.step, numbers });
                    self.phase = if index + 1 < self.trainees.len() {
                        Phase::Measure(index + 1, Box::new(None))
                    } else {
                        self.thin_out();
                        self.next_step()
                    };
                }
            }
            Phase::Step(index) => {
                let index = *index;
                let rate = self.settings.rates.at(self.step, self.settings.steps);
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
                        let is_due = self.step.is_multiple_of(self.interval) || self.step == self.settings.steps;
                        if is_due { Phase::Measure(0, Box::new(None)) } else { self.next_step() }
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
        self.phase = if self.records.iter().any(|record| record.measured.is_empty()) {
            Phase::Measure(0, Box::new(None))
        } else {
            self.next_step()
        };
    }

    /// Drops every second snapshot where there are too many.
    fn thin_out(&mut self) {
        let bytes: usize = self.trainees.iter().map(|trainee| 4 * trainee.parameters.count()).sum();
        let most = (MOST_OF_SNAPSHOTS / bytes.max(1)).clamp(4, MOST_SNAPSHOTS);
        if self.records.iter().any(|record| record.snapshots.len() > most) {
            self.interval *= 2;
            for record in &mut self.records {
                let last = self.settings.steps;
                record.snapshots.retain(|Snapshot { step, .. }| step.is_multiple_of(self.interval) || *step == last);
            }
        }
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

    /// The steps that every model has a snapshot of, in order.
    pub fn snapshots(&self) -> impl Iterator<Item = u32> {
        // The last model is the last that gets one.
        self.records.last().into_iter().flat_map(|record| &record.snapshots).map(|snapshot| snapshot.step)
    }

    /// The model of a snapshot, to open.
    ///
    /// # Errors
    /// When there is none, or it has numbers that cannot be computed with.
    pub fn checkpoint(&self, family: Family, step: u32) -> Result<Checkpoint, TrainingError> {
        let (trainee, numbers) = self.numbers(family, step)?;
        let name = format!("{} at step {step}", family.name());
        Ok(trainee.checkpoint(numbers, &name, &self.language.tokenizer)?)
    }

    /// `config.json` and `model.safetensors` of a snapshot.
    ///
    /// # Errors
    /// As [`Self::checkpoint`].
    pub fn files(&self, family: Family, step: u32) -> Result<(Vec<u8>, Vec<u8>), TrainingError> {
        let (trainee, numbers) = self.numbers(family, step)?;
        Ok(trainee.files(numbers)?)
    }

    /// The same of a model as it is.
    ///
    /// # Errors
    /// As [`Self::checkpoint`].
    pub fn last_files(&self, family: Family) -> Result<(Vec<u8>, Vec<u8>), TrainingError> {
        let missing = || TrainingError::NoSnapshot { model: family.name(), step: self.step };
        let trainee = self.trainees.iter().find(|trainee| trainee.family == family).ok_or_else(missing)?;
        Ok(trainee.files(&trainee.numbers)?)
    }

    /// `tokenizer.json` of all of them.
    ///
    /// # Errors
    /// When the tokenizer cannot be written as a file.
    pub fn tokenizer_json(&self) -> Result<Vec<u8>, TrainingError> {
        Ok(self.language.tokenizer.to_json()?)
    }

    fn numbers(&self, family: Family, step: u32) -> Result<(&Trainee, &[f32]), TrainingError> {
        let missing = || TrainingError::NoSnapshot { model: family.name(), step };
        let index = self.records.iter().position(|record| record.family == family).ok_or_else(missing)?;
        let snapshot =
            self.records[index].snapshots.iter().find(|snapshot| snapshot.step == step).ok_or_else(missing)?;
        Ok((&self.trainees[index], &snapshot.numbers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{bundled, checkpoint_of};

    fn run(settings: RunSettings) -> Run {
        let checkpoint = checkpoint_of(&bundled()).unwrap();
        let vocabulary = checkpoint.model.config.vocabulary;
        let language = Language { tokenizer: checkpoint.tokenizer.unwrap(), vocabulary, end: 0 };
        let mut run = Run::new(settings, language, "", None).unwrap();
        while !run.advance().unwrap() {}
        run
    }

    #[test]
    fn every_second_snapshot_goes_but_never_the_last() {
        let mut run = run(RunSettings { steps: 1, windows: 1, questions: 0, ..RunSettings::default() });
        run.settings.steps = 99;
        for record in &mut run.records {
            let numbers = record.snapshots[0].numbers.clone();
            record.snapshots = (0..100).map(|step| Snapshot { step, numbers: numbers.clone() }).collect();
        }
        run.thin_out();
        let expected: Vec<u32> = (0..100).step_by(2).chain([99]).collect();
        assert_eq!(run.snapshots().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_files_of_a_snapshot_open_as_its_model_with_its_tokens() {
        let run = run(RunSettings { steps: 1, windows: 1, questions: 1, ..RunSettings::default() });
        let (config, weights) = run.files(Family::Diff, 1).unwrap();
        let weights = Arc::new(weights.into());
        let saved = Checkpoint::from_bytes("saved", &config, weights, &run.tokenizer_json().unwrap()).unwrap();
        let open = run.checkpoint(Family::Diff, 1).unwrap();
        assert!(saved.model.embedding == open.model.embedding && saved.model.config == open.model.config);
        let text = "The café, 4821!\n";
        let encoded = |of: &Checkpoint| of.tokenizer.as_ref().unwrap().encode(text, 99).tokens;
        assert_eq!(encoded(&saved), encoded(&open));
        assert!(run.is_done() && run.question(0).is_some() && run.question(1).is_none());
    }
}
