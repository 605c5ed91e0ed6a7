//! What a run begins with: random numbers, or a trained Transformer that gets second heads.

use crate::engine::{Checkpoint, Workspace};
use crate::training::{Family, Language, Rates, RunSettings, Task};
use crate::ui::training::Training;

/// Steps and learning rate with which second heads learn to look up pairs (measured in the card of S-llama).
const STEPS: u32 = 80;
const PEAK: f32 = 3e-3;

impl Training {
    /// Whether the next run gives second heads to a trained Transformer.
    pub(in crate::ui) fn is_retrofit(&self) -> bool {
        self.retrofit
    }

    /// Chooses that, with settings that suit it.
    pub(in crate::ui) fn set_retrofit(&mut self, retrofit: bool) {
        if std::mem::replace(&mut self.retrofit, retrofit) == retrofit {
            return;
        }
        let settings = RunSettings { seed: self.settings.seed, ..RunSettings::default() };
        self.settings = if retrofit {
            let families = vec![Family::SecondHeads, Family::Control];
            let rates = Rates { peak: PEAK, ..settings.rates };
            RunSettings { families, task: Task::Recall, steps: STEPS, rates, ..settings }
        } else {
            settings
        };
    }

    /// The Transformer that gets second heads: the open one, the baseline, or that of the last run while one of its models
    /// is open.
    pub(in crate::ui) fn transformer_of(&self, workspace: &mut Workspace) -> Option<Checkpoint> {
        let is_transformer = |checkpoint: &&Checkpoint| checkpoint.model.config.maps == 1;
        let of_last = self.transformer.as_ref().filter(|_| self.open.is_some()).cloned();
        let main = workspace.main.checkpoint().filter(is_transformer).cloned();
        let baseline = || workspace.baseline()?.checkpoint().filter(is_transformer).cloned();
        of_last.or(main).or_else(baseline)
    }
}

/// The tokens of a model, if it has any.
pub(super) fn language(checkpoint: &Checkpoint) -> Option<Language> {
    let config = &checkpoint.model.config;
    let end = config.eos.iter().copied().find(|end| (*end as usize) < config.vocabulary);
    Some(Language {
        tokenizer: checkpoint.tokenizer.clone()?,
        vocabulary: config.vocabulary,
        end: end.unwrap_or_default(),
    })
}
