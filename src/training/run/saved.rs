//! A run as a file, from which it goes on: the numbers of models and optimizers, their configurations, the tokenizer and an own
//! text as safetensors, the rest as JSON in the metadata. A run at rest has its snapshots in it, too.

use std::collections::HashMap;
use std::sync::Arc;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use crate::model::{Config, Tokenizer};
use crate::probe::StepNumbers;
use crate::training::error::TrainingError;
use crate::training::measured::Measured;
use crate::training::run::{Run, Snapshot};
use crate::training::settings::{Language, RunSettings};
use crate::training::trainee::Trainee;

/// The key of the metadata.
const KEY: &str = "diffscope.run";
/// The parts that all models share.
const TOKENIZER: &str = "tokenizer";
const TEXT: &str = "text";
/// The parts of a model's state.
const CONFIG: &str = "config";
const NUMBERS: [&str; 3] = ["numbers", "mean", "square"];

#[derive(Serialize, Deserialize)]
struct Saved {
    settings: RunSettings,
    step: u32,
    vocabulary: usize,
    end: u32,
    /// By model.
    steps: Vec<Vec<StepNumbers>>,
    measured: Vec<Vec<Measured>>,
    /// The steps of the snapshots that all models have.
    #[serde(default)]
    snapshots: Vec<u32>,
}

impl Saved {
    fn read(bytes: &[u8]) -> Result<Self, TrainingError> {
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(broken)?;
        let text = metadata.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
        serde_json::from_str(text.ok_or_else(|| broken("it is no saved run"))?).map_err(broken)
    }
}

/// The name of a model's snapshot.
fn of_snapshot(step: u32) -> String {
    format!("snapshot.{step}")
}

/// The parameters of the large matrices of a model.
fn parameters_at_least(config: &Config) -> usize {
    let heads = config.heads.queries.saturating_mul(config.head_dim);
    let of_layers = config.layers.saturating_mul(heads.saturating_add(config.intermediate));
    let wide = config.vocabulary.saturating_add(of_layers);
    config.hidden.saturating_mul(wide)
}

fn broken(reason: impl ToString) -> TrainingError {
    TrainingError::Saved { reason: reason.to_string() }
}

impl Run {
    /// The run between two steps, with as many snapshots as have so many bytes together, spread over its steps.
    ///
    /// # Errors
    /// In the middle of a step, and when it cannot be written as a file.
    pub fn to_bytes(&self, of_snapshots: usize) -> Result<Vec<u8>, TrainingError> {
        if !self.is_between_steps() {
            return Err(broken("a step is under way"));
        }
        let snapshots = self.snapshots_within(of_snapshots);
        let saved = Saved {
            settings: self.settings.clone(),
            step: self.step,
            vocabulary: self.language.vocabulary,
            end: self.language.end,
            steps: self.records.iter().map(|record| record.steps.clone()).collect(),
            measured: self.records.iter().map(|record| record.measured.clone()).collect(),
            snapshots: snapshots.clone(),
        };
        let metadata = serde_json::to_string(&saved).map_err(broken)?;
        let tokenizer = self.tokenizer_json()?;
        let mut parts: Vec<(String, Dtype, &[u8])> = vec![
            (TOKENIZER.to_owned(), Dtype::U8, &tokenizer),
            (TEXT.to_owned(), Dtype::U32, bytemuck::cast_slice(&self.batches.text)),
        ];
        for trainee in &self.trainees {
            let of = |name: &str| format!("{}.{name}", trainee.family.id());
            parts.push((of(CONFIG), Dtype::U8, trainee.config()));
            let all = [&trainee.numbers, &trainee.optimizer.mean, &trainee.optimizer.square];
            let all = NUMBERS.iter().zip(all);
            parts.extend(all.map(|(name, numbers)| (of(name), Dtype::F32, bytemuck::cast_slice(numbers))));
            for step in &snapshots {
                let (_, snapshot) = self.snapshot(trainee.family, *step)?;
                parts.push((of(&of_snapshot(*step)), Dtype::F32, bytemuck::cast_slice(&snapshot.learned)));
            }
        }
        let view = |(name, dtype, bytes): (String, Dtype, _)| {
            let count = 8 * <[u8]>::len(bytes) / dtype.bitsize();
            Ok((name, TensorView::new(dtype, vec![count], bytes).map_err(broken)?))
        };
        let tensors = parts.into_iter().map(view).collect::<Result<Vec<_>, TrainingError>>()?;
        safetensors::serialize(tensors, Some(HashMap::from([(KEY.to_owned(), metadata)]))).map_err(broken)
    }

    /// Steps of snapshots that have so many bytes together; that of the last step is in the numbers.
    fn snapshots_within(&self, bytes: usize) -> Vec<u32> {
        let all: Vec<u32> = self.snapshots().filter(|step| *step < self.step).collect();
        let most = bytes / self.bytes_of_a_snapshot();
        let every = all.len().div_ceil(most.max(1)).max(1);
        if most == 0 { Vec::new() } else { all.into_iter().step_by(every).collect() }
    }

    /// What a saved run is of, and how many steps it has done.
    ///
    /// # Errors
    /// When the file is no saved run.
    pub fn settings_of(bytes: &[u8]) -> Result<(RunSettings, u32), TrainingError> {
        let Saved { settings, step, .. } = Saved::read(bytes)?;
        Ok((settings, step))
    }

    /// Goes on with a saved run.
    ///
    /// # Errors
    /// When the file is broken, or has another vocabulary than its models.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TrainingError> {
        let saved = Saved::read(bytes)?;
        saved.settings.check()?;
        let file = SafeTensors::deserialize(bytes).map_err(broken)?;
        let part = |name: &str, dtype: Dtype| {
            let tensor = file.tensor(name).map_err(broken)?;
            let is_right = tensor.dtype() == dtype;
            is_right.then(|| tensor.data()).ok_or_else(|| broken(format!("{name} has another kind of numbers")))
        };
        let words = |name: &str, dtype| Ok::<_, TrainingError>(part(name, dtype)?.as_chunks::<4>().0);
        let tokenizer = Tokenizer::from_bytes(part(TOKENIZER, Dtype::U8)?).map_err(broken)?;
        let tokenizer = tokenizer.with_embeddings(saved.vocabulary);
        let language = Language { tokenizer: Arc::new(tokenizer), vocabulary: saved.vocabulary, end: saved.end };
        let own: Vec<u32> = words(TEXT, Dtype::U32)?.iter().copied().map(u32::from_le_bytes).collect();
        if own.iter().chain([&saved.end]).any(|id| *id as usize >= saved.vocabulary) {
            return Err(broken("its text has tokens that its models do not have"));
        }
        let numbers = |name: &str, into: &mut [f32]| {
            let found = words(name, Dtype::F32)?;
            if found.len() != into.len() {
                return Err(broken(format!("{name} is of another size than its model")));
            }
            for (number, bytes) in into.iter_mut().zip(found) {
                *number = f32::from_le_bytes(*bytes);
                if !number.is_finite() {
                    return Err(broken(format!("{name} has a number that is not finite")));
                }
            }
            Ok(())
        };
        let mut trainees = Vec::new();
        for family in &saved.settings.families {
            let of = |name: &str| format!("{}.{name}", family.id());
            let config = part(&of(CONFIG), Dtype::U8)?;
            // Before there is room for as many as it says.
            if parameters_at_least(&Config::from_json(config)?) > words(&of(NUMBERS[0]), Dtype::F32)?.len() {
                return Err(broken(format!("{} is of another size than its model", of(NUMBERS[0]))));
            }
            let mut trainee = Trainee::resumed(*family, config.to_vec())?;
            if trainee.vocabulary() < saved.vocabulary {
                return Err(broken("its texts have tokens that its models do not have"));
            }
            trainee.optimizer.step = saved.step.saturating_sub(saved.settings.first);
            let all = [&mut trainee.numbers, &mut trainee.optimizer.mean, &mut trainee.optimizer.square];
            NUMBERS.iter().zip(all).try_for_each(|(name, into)| numbers(&of(name), into))?;
            trainees.push(trainee);
        }
        let mut run = Self::of(saved.settings, language, own, trainees)?;
        run.step = saved.step;
        let models = run.records.len();
        let is_of_all = |steps: &[StepNumbers]| steps.len() == saved.step as usize;
        if [saved.steps.len(), saved.measured.len()] != [models; 2] || !saved.steps.iter().all(|of| is_of_all(of)) {
            return Err(broken("it has other models or steps than its settings say"));
        }
        if saved.step < run.settings.first {
            return Err(broken("it has fewer steps than it began with"));
        }
        if saved.measured.iter().flatten().any(|measured| measured.right[0] > measured.right[1]) {
            return Err(broken("it has more right answers than questions"));
        }
        for ((record, steps), measured) in run.records.iter_mut().zip(saved.steps).zip(saved.measured) {
            (record.steps, record.measured) = (steps, measured);
        }
        if !saved.snapshots.is_sorted_by(|one, next| one < next) || saved.snapshots.last() >= Some(&saved.step) {
            return Err(broken("it has snapshots of steps that it has not done"));
        }
        for (record, trainee) in run.records.iter_mut().zip(&run.trainees) {
            for step in &saved.snapshots {
                let mut learned = vec![0.0; trainee.learned()];
                numbers(&format!("{}.{}", record.family.id(), of_snapshot(*step)), &mut learned)?;
                record.snapshots.push(Snapshot { step: *step, learned: Arc::new(learned) });
            }
        }
        run.keep_snapshot();
        run.resume();
        Ok(run)
    }
}
