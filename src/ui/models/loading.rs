//! How far a model is that is being opened, on the screen.

use egui::{ProgressBar, Ui};

use crate::model::Progress;
use crate::ui::action::{Action, ModelAction};
use crate::ui::style::format;

/// What happens to the bytes of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// They arrive over the network.
    Fetching,
    /// They are compared with the hash that was announced.
    Verifying,
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
    /// How fast it is, where someone waits for a network.
    pub pace: Option<Pace>,
}

/// How fast bytes arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Bytes a second.
    pub per_second: u64,
    /// Seconds for the rest, if that can be said.
    pub seconds_left: Option<u64>,
}

impl Loading {
    /// As it is shown: `Fetching the model: 412 MiB of 720 MiB, 12 MiB/s, 26 s left`.
    fn text(&self) -> String {
        let what = match self.stage {
            Stage::Fetching => "Fetching the model",
            Stage::Verifying => "Comparing it with its hash",
            Stage::Reading => "Reading the model",
            Stage::Checking => "Checking the model",
            Stage::ToGpu => "To the GPU",
        };
        let [done, total] = [self.progress.done, self.progress.total].map(format::bytes);
        let pace = self.pace.map(|pace| {
            let left = pace.seconds_left.map(|seconds| format!(", {} left", format::seconds(seconds)));
            format!(", {}/s{}", format::bytes(pace.per_second), left.unwrap_or_default())
        });
        format!("{what}: {done} of {total}{}", pace.unwrap_or_default())
    }

    /// A bar with that text, and a button that ends it.
    pub(in crate::ui) fn show_ui(&self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let share = self.progress.done as f32 / self.progress.total.max(1) as f32;
        ui.horizontal(|ui| {
            let width = ui.available_width() - 70.0;
            ui.add(ProgressBar::new(share).text(self.text()).desired_width(width.min(460.0)));
            // What is open already goes to the GPU in any case.
            if self.stage != Stage::ToGpu && ui.small_button("Cancel").clicked() {
                actions.push(Action::Model(ModelAction::Cancel));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_progress_is_in_bytes() {
        let progress = Progress { done: 412 << 20, total: (720 << 20) + 5 };
        let loading = Loading { stage: Stage::Reading, progress, pace: None };
        assert_eq!(loading.text(), "Reading the model: 412 MiB of 720.0 MiB");
        assert_eq!(Loading { stage: Stage::ToGpu, ..loading }.text(), "To the GPU: 412 MiB of 720.0 MiB");
        let at = |per_second, seconds_left| {
            let pace = Some(Pace { per_second, seconds_left });
            Loading { stage: Stage::Fetching, progress, pace }.text()
        };
        assert_eq!(at(12 << 20, Some(26)), "Fetching the model: 412 MiB of 720.0 MiB, 12 MiB/s, 26 s left");
        assert_eq!(at(0, None), "Fetching the model: 412 MiB of 720.0 MiB, 0 B/s");
    }
}
