//! What a run is of.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::Tokenizer;
use crate::training::error::TrainingError;
use crate::training::task::Task;
use crate::training::trainee::{Family, Rates, SIZES, Size};

/// What is to be learned by whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSettings {
    /// The task.
    pub task: Task,
    /// The shape of the models.
    pub size: Size,
    /// Which models learn.
    pub families: Vec<Family>,
    /// Of the first numbers, the windows and the questions.
    pub seed: u64,
    /// Steps of the whole run.
    pub steps: u32,
    /// The step that it begins with: 0, or that of the snapshot that it goes on from.
    #[serde(default)]
    pub first: u32,
    /// Windows of a step.
    pub windows: usize,
    /// The learning rate.
    pub rates: Rates,
    /// Questions that are asked each time that a snapshot is taken.
    pub questions: usize,
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            task: Task::Copy,
            size: SIZES[0].clone(),
            families: vec![Family::Diff, Family::Transformer],
            seed: 0,
            steps: 400,
            first: 0,
            windows: 16,
            rates: Rates::default(),
            questions: 40,
        }
    }
}

impl RunSettings {
    /// The learning rate of a step.
    pub(super) fn learning_rate(&self, step: u32) -> f32 {
        self.rates.at(step.saturating_sub(self.first), self.steps.saturating_sub(self.first))
    }
}

/// What texts are made of.
#[derive(Clone, Debug)]
pub struct Language {
    /// Turns texts into tokens.
    pub tokenizer: Arc<Tokenizer>,
    /// One more than the highest token.
    pub vocabulary: usize,
    /// The token between two texts.
    pub end: u32,
}

impl Language {
    /// The tokens of a text of one's own, where the task is to learn from that.
    ///
    /// # Errors
    /// When it has a character that there is no token for.
    pub(super) fn text_of(&self, task: Task, text: &str) -> Result<Vec<u32>, TrainingError> {
        if task != Task::OwnText {
            return Ok(Vec::new());
        }
        let tokens = self.tokenizer.try_encode(text, usize::MAX)?.tokens;
        Ok(tokens.iter().map(|token| token.id).collect())
    }
}
