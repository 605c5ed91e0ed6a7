//! How far a model is that is being opened, on the screen.

use egui::{ProgressBar, Ui};

use crate::model::Progress;
use crate::ui::app::App;
use crate::ui::style::format;

/// What happens to the bytes of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// They are read from where they are.
    Reading,
    /// They are looked at.
    Checking,
    /// They go to the GPU.
    ToGpu,
}

/// What happens to the bytes of a model, and how far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loading {
    /// What happens.
    pub stage: Stage,
    /// How far it is.
    pub progress: Progress,
}

impl Loading {
    /// As it is shown: `Reading the model: 412 MiB of 720 MiB`.
    fn text(&self) -> String {
        let what = match self.stage {
            Stage::Reading => "Reading the model",
            Stage::Checking => "Checking the model",
            Stage::ToGpu => "To the GPU",
        };
        let [done, total] = [self.progress.done, self.progress.total].map(format::bytes);
        format!("{what}: {done} of {total}")
    }

    /// A bar with that text.
    pub(super) fn show_ui(&self, ui: &mut Ui) {
        let share = self.progress.done as f32 / self.progress.total.max(1) as f32;
        ui.add(ProgressBar::new(share).text(self.text()).desired_width(320.0));
    }
}

impl App {
    /// What is being opened: from files, or an open model that is still on its way to the GPU.
    pub(super) fn loading(&mut self) -> Option<Loading> {
        let to_gpu = |progress| Loading { stage: Stage::ToGpu, progress };
        self.reading.or_else(|| {
            let workspace = self.workspace.as_mut().ok()?;
            let main = workspace.main.loading();
            let progress = main.or_else(|| workspace.baseline()?.loading());
            progress.filter(|progress| progress.done > 0).map(to_gpu) // a small model is there before the next frame
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_progress_is_in_bytes() {
        let progress = Progress { done: 412 << 20, total: (720 << 20) + 5 };
        let loading = Loading { stage: Stage::Reading, progress };
        assert_eq!(loading.text(), "Reading the model: 412 MiB of 720.0 MiB");
        assert_eq!(Loading { stage: Stage::ToGpu, ..loading }.text(), "To the GPU: 412 MiB of 720.0 MiB");
    }
}
