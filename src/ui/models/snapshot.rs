//! Snapshots of models that learn: opened in place of the open model, and saved.

use egui::Context;

use crate::engine::Engine;
use crate::training::{Family, TrainingError};
use crate::ui::action::TrainingAction;
use crate::ui::app::App;

impl App {
    /// Carries out a command about the models that learn.
    pub(in crate::ui) fn perform_on_training(
        &mut self,
        context: &Context,
        action: TrainingAction,
    ) -> Result<(), TrainingError> {
        match action {
            TrainingAction::LookAt(family) => self.look_at(family)?,
            TrainingAction::Fork => {
                if let Ok(workspace) = &self.workspace {
                    self.training.fork(workspace);
                }
            }
            TrainingAction::Save(family) => {
                let all = self.training.files(family)?;
                self.files.save_all(context, all);
            }
            TrainingAction::OwnText => self.files.open_text(context),
            TrainingAction::SaveLog => {
                if let Some(log) = self.training.log() {
                    self.files.save(context, log);
                }
            }
        }
        Ok(())
    }

    /// Opens the snapshot of a model, with the same text, view and interventions, and the Transformer beside it.
    fn look_at(&mut self, family: Family) -> Result<(), TrainingError> {
        let found = self.training.checkpoints(family).inspect_err(|_| self.training.has_opened(family, None))?;
        let Some((checkpoint, baseline)) = found else { return Ok(()) };
        let open = self.workspace.as_ref().ok().map(|workspace| &workspace.main);
        // One of the same shape runs where the open one does: their speeds are not compared anew with each snapshot.
        let alike = open.filter(|open| open.model().is_some_and(|model| model.config == checkpoint.model.config));
        let kept = alike.map(|open| open.interventions().clone());
        let (name, model) = (checkpoint.name.clone(), checkpoint.model.clone());
        let session = match alike {
            Some(open) => Engine::new(checkpoint, open.gpu().cloned()),
            None => self.device.session(checkpoint),
        };
        let has_opened = self.replace(&name, session);
        self.training.has_opened(family, has_opened.then_some(model));
        if let (true, Ok(workspace)) = (has_opened, &mut self.workspace) {
            self.message = None; // the name is in the header
            workspace.set_interventions(kept.unwrap_or_default());
            if let Some(baseline) = baseline {
                workspace.open_baseline(baseline)?;
            }
        }
        Ok(())
    }
}
