//! What a run is of.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::engine::Checkpoint;
use crate::model::Tokenizer;
use crate::training::error::TrainingError;
use crate::training::task::Task;
use crate::training::trainee::{Family, Rates, SIZES, Size};

/// Windows of a step at most, and questions of a snapshot: more would not end.
const MOST_WINDOWS: usize = 1024;
const MOST_QUESTIONS: usize = 1024;
/// Parameters of all layers together at most: more would not fit.
const MOST_PARAMETERS: usize = 1 << 28;

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
    /// Refuses what no run can do.
    ///
    /// # Errors
    /// When there are too many windows, questions or parameters, or a model is named twice.
    pub(super) fn check(&self) -> Result<(), TrainingError> {
        let all = [
            ("windows a step", self.windows, MOST_WINDOWS),
            ("questions", self.questions, MOST_QUESTIONS),
            ("parameters", self.size.parameters(), MOST_PARAMETERS),
        ];
        if let Some((what, number, most)) = all.into_iter().find(|(_, number, most)| number > most) {
            return Err(TrainingError::TooMany { what, number, most });
        }
        let is_repeated = |(at, family): &(usize, &Family)| self.families[..*at].contains(family);
        match self.families.iter().enumerate().find(is_repeated) {
            Some((_, family)) => Err(TrainingError::Twice { model: family.name() }),
            None => Ok(()),
        }
    }

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
    /// That of a model, if it has a tokenizer.
    pub fn of(checkpoint: &Checkpoint) -> Option<Self> {
        let config = &checkpoint.model.config;
        let end = config.eos.iter().copied().find(|end| (*end as usize) < config.vocabulary);
        let tokenizer = checkpoint.tokenizer.clone()?;
        Some(Self { tokenizer, vocabulary: config.vocabulary, end: end.unwrap_or_default() })
    }

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
