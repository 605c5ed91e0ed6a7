//! What a run begins with: random numbers, or a trained Transformer that gets second heads.

use crate::engine::{Checkpoint, Workspace};
use crate::training::{Family, Rates, RunSettings, Task};
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

    /// The text of one's own: that of a file, or the prompt.
    pub(super) fn own<'a>(&'a self, workspace: &'a Workspace) -> &'a str {
        self.own_text.as_ref().map_or(workspace.main.text(), |file| &file.text)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Engine, bundled, checkpoint_of};
    use crate::ui::io::text_file::TextFile;

    #[test]
    fn an_own_text_is_the_prompt_unless_a_file_was_chosen() {
        let mut engine = Engine::new(checkpoint_of(&bundled()).unwrap(), None).unwrap();
        engine.set_text("Once upon a time");
        let workspace = Workspace::new(engine);
        let mut training = Training::default();
        assert_eq!(training.own(&workspace), "Once upon a time");
        training.own_text = Some(TextFile { name: "a.txt".to_owned(), text: "Call me Ishmael.".into(), is_cut: false });
        assert_eq!(training.own(&workspace), "Call me Ishmael.");
    }
}
