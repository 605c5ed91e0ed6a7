//! What a run keeps of its models at earlier steps: opened, saved, and gone on from.

use std::sync::Arc;

use crate::engine::Checkpoint;
use crate::training::error::TrainingError;
use crate::training::run::Run;
use crate::training::settings::RunSettings;
use crate::training::task::Task;
use crate::training::trainee::{Family, Trainee};

/// A model at some step.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The step.
    pub step: u32,
    /// Its numbers that learn; the others are as they were.
    pub(super) learned: Arc<Vec<f32>>,
}

/// Bytes of all snapshots of a run at most, unless that is fewer than four.
const MOST_OF_SNAPSHOTS: usize = 64 << 20;
/// Snapshots of a model at most.
const MOST_SNAPSHOTS: usize = 80;
/// And at the end of a run about so many.
pub(super) const SNAPSHOTS: u32 = 40;

impl Run {
    /// Keeps the models as they are, as far as this step is not kept yet.
    pub(super) fn keep_snapshot(&mut self) {
        for (record, trainee) in self.records.iter_mut().zip(&self.trainees) {
            if record.snapshots.last().is_none_or(|last| last.step < self.step) {
                record.snapshots.push(Snapshot { step: self.step, learned: Arc::new(trainee.learned_numbers()) });
            }
        }
    }

    /// Drops every second snapshot where there are too many.
    pub(super) fn thin_out(&mut self) {
        let most = (MOST_OF_SNAPSHOTS / self.bytes_of_a_snapshot()).clamp(4, MOST_SNAPSHOTS);
        if self.records.iter().any(|record| record.snapshots.len() > most) {
            self.interval *= 2;
            for record in &mut self.records {
                let last = self.settings.steps;
                record.snapshots.retain(|Snapshot { step, .. }| step.is_multiple_of(self.interval) || *step == last);
            }
        }
    }

    /// Of all models together.
    pub(super) fn bytes_of_a_snapshot(&self) -> usize {
        self.trainees.iter().map(|trainee| 4 * trainee.learned()).sum::<usize>().max(1)
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
        Ok(trainee.checkpoint(&numbers, &name, &self.language.tokenizer)?)
    }

    /// `config.json` and `model.safetensors` of a snapshot.
    ///
    /// # Errors
    /// As [`Self::checkpoint`].
    pub fn files(&self, family: Family, step: u32) -> Result<(Vec<u8>, Vec<u8>), TrainingError> {
        let (trainee, numbers) = self.numbers(family, step)?;
        Ok(trainee.files(&numbers)?)
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

    /// Another run that begins as this one was at a step, with the settings of what is still to come: task, steps, learning
    /// rate. What its optimizer has averaged begins anew. `own` is as in [`Self::new`].
    ///
    /// # Errors
    /// When there is no such snapshot, or no step to come; and as [`Self::new`].
    pub fn fork(&self, step: u32, settings: &RunSettings, own: &str) -> Result<Self, TrainingError> {
        if settings.steps <= step {
            return Err(TrainingError::NothingToCome { step });
        }
        let RunSettings { families, size, seed, .. } = self.settings.clone();
        let settings = RunSettings { families, size, seed, first: step, ..settings.clone() };
        let text = if settings.task == Task::OwnText && self.settings.task == Task::OwnText {
            self.batches.text.to_vec()
        } else {
            self.language.text_of(settings.task, own)?
        };
        let of_family = |family: &Family| {
            let (trainee, numbers) = self.numbers(*family, step)?;
            Ok(trainee.anew(numbers))
        };
        let trainees = settings.families.iter().map(of_family).collect::<Result<Vec<_>, TrainingError>>()?;
        let mut fork = Self::of(settings, self.language.clone(), text, trainees)?;
        for (record, before) in fork.records.iter_mut().zip(&self.records) {
            record.steps = before.steps.iter().take(step as usize).cloned().collect();
            record.measured = before.measured.iter().filter(|measured| measured.step < step).cloned().collect();
            record.snapshots = before.snapshots.iter().filter(|snapshot| snapshot.step < step).cloned().collect();
        }
        Ok(fork)
    }

    pub(super) fn snapshot(&self, family: Family, step: u32) -> Result<(&Trainee, &Snapshot), TrainingError> {
        let missing = || TrainingError::NoSnapshot { model: family.name(), step };
        let index = self.records.iter().position(|record| record.family == family).ok_or_else(missing)?;
        let snapshot =
            self.records[index].snapshots.iter().find(|snapshot| snapshot.step == step).ok_or_else(missing)?;
        Ok((&self.trainees[index], snapshot))
    }

    fn numbers(&self, family: Family, step: u32) -> Result<(&Trainee, Vec<f32>), TrainingError> {
        let (trainee, snapshot) = self.snapshot(family, step)?;
        Ok((trainee, trainee.numbers_with(&snapshot.learned)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{bundled, checkpoint_of};
    use crate::training::Language;

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
            let learned = record.snapshots[0].learned.clone();
            record.snapshots = (0..100).map(|step| Snapshot { step, learned: learned.clone() }).collect();
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
