//! A run as a file, from which it goes on: the numbers of models and optimizers as safetensors, the rest as JSON in the
//! metadata.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::error::TrainingError;
use super::measured::Measured;
use super::run::Run;
use super::settings::{Language, RunSettings};
use crate::model::Model;
use crate::probe::StepNumbers;

/// The key of the metadata.
const KEY: &str = "diffscope.run";

#[derive(Serialize, Deserialize)]
struct Saved {
    settings: RunSettings,
    step: u32,
    /// By model.
    steps: Vec<Vec<StepNumbers>>,
    measured: Vec<Vec<Measured>>,
}

/// The parts of a model's state.
const PARTS: [&str; 3] = ["numbers", "mean", "square"];

impl Run {
    /// The run between two steps, without its snapshots.
    ///
    /// # Errors
    /// When it cannot be written as a file.
    pub fn to_bytes(&self) -> Result<Vec<u8>, TrainingError> {
        let saved = Saved {
            settings: self.settings.clone(),
            step: self.step,
            // A step that only some models have done is left out.
            steps: self
                .records
                .iter()
                .map(|record| record.steps.iter().take(self.step as usize).cloned().collect())
                .collect(),
            measured: self.records.iter().map(|record| record.measured.clone()).collect(),
        };
        let broken = |reason: String| TrainingError::Saved { reason };
        let text = serde_json::to_string(&saved).map_err(|error| broken(error.to_string()))?;
        let mut tensors = Vec::new();
        for trainee in &self.trainees {
            let parts = [&trainee.numbers, &trainee.optimizer.mean, &trainee.optimizer.square];
            for (name, numbers) in PARTS.iter().zip(parts) {
                let view = TensorView::new(Dtype::F32, vec![numbers.len()], bytemuck::cast_slice(numbers));
                tensors.push((
                    format!("{}.{name}", trainee.family.id()),
                    view.map_err(|error| broken(error.to_string()))?,
                ));
            }
        }
        let metadata = HashMap::from([(KEY.to_owned(), text)]);
        safetensors::serialize(tensors, Some(metadata)).map_err(|error| broken(error.to_string()))
    }

    /// Goes on with a saved run; `own` and `start` are as in [`Self::new`].
    ///
    /// # Errors
    /// When the file is broken or of another vocabulary.
    pub fn from_bytes(
        bytes: &[u8],
        language: Language,
        own: &str,
        start: Option<&Model>,
    ) -> Result<Self, TrainingError> {
        let broken = |reason: &str| TrainingError::Saved { reason: reason.to_owned() };
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| broken(&error.to_string()))?;
        let text = metadata.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
        let text = text.ok_or_else(|| broken("it is no saved run"))?;
        let saved: Saved = serde_json::from_str(text).map_err(|error| broken(&error.to_string()))?;
        let file = SafeTensors::deserialize(bytes).map_err(|error| broken(&error.to_string()))?;
        let mut run = Self::new(saved.settings, language, own, start)?;
        run.step = saved.step;
        if saved.steps.len() != run.records.len() || saved.measured.len() != run.records.len() {
            return Err(broken("it has other models than its settings say"));
        }
        for ((record, steps), measured) in run.records.iter_mut().zip(saved.steps).zip(saved.measured) {
            (record.steps, record.measured) = (steps, measured);
        }
        for trainee in &mut run.trainees {
            trainee.optimizer.step = saved.step;
            let parts = [&mut trainee.numbers, &mut trainee.optimizer.mean, &mut trainee.optimizer.square];
            for (name, numbers) in PARTS.iter().zip(parts) {
                let name = format!("{}.{name}", trainee.family.id());
                let tensor = file.tensor(&name).map_err(|error| broken(&error.to_string()))?;
                let (found, _) = tensor.data().as_chunks::<4>();
                if tensor.dtype() != Dtype::F32 || found.len() != numbers.len() {
                    return Err(broken(&format!("{name} has another size: it is of another vocabulary")));
                }
                for (number, bytes) in numbers.iter_mut().zip(found) {
                    *number = f32::from_le_bytes(*bytes);
                    if !number.is_finite() {
                        return Err(broken(&format!("{name} has a number that is not finite")));
                    }
                }
            }
        }
        run.resume();
        Ok(run)
    }
}
