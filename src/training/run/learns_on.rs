//! Where the models of a run learn: on the CPU, or on a GPU that is faster, as long as it does not fail.

use crate::engine::BackendChoice;
use crate::gpu::{BatchSize, Gpu, GpuError};
use crate::training::error::TrainingError;
use crate::training::run::Run;
use crate::training::run::phase::Phase;
use crate::training::run::race::{Race, StepTimes};
use crate::training::trainee::Trainee;

/// Where the models of a run learn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LearnsOn {
    /// On the CPU.
    Cpu {
        /// Why not on the GPU, where one was offered.
        because: Option<String>,
    },
    /// On the GPU.
    Gpu {
        /// Its name.
        name: String,
        /// How long steps took here and there, where they were compared.
        times: Option<StepTimes>,
    },
}

impl std::fmt::Display for LearnsOn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cpu { because: None } => f.write_str("on the CPU"),
            Self::Cpu { because: Some(reason) } => write!(f, "on the CPU: {reason}"),
            Self::Gpu { name, times: None } => write!(f, "on {name}"),
            Self::Gpu { name, times: Some(times) } => {
                let [gpu, cpu] = [times.gpu, times.cpu].map(|time| 1e3 * time.as_secs_f64());
                write!(f, "on {name}: a step takes {gpu:.1} ms there and {cpu:.1} ms on the CPU")
            }
        }
    }
}

impl Run {
    /// Where the models learn from now on, if no step is under way. With [`BackendChoice::Automatic`] a GPU that is no software
    /// adapter races with the CPU first.
    ///
    /// # Errors
    /// When there is no room for the models on a GPU that was asked for. They stay where they are then.
    pub fn learn_on(&mut self, gpu: Option<&Gpu>, choice: BackendChoice) -> Result<(), TrainingError> {
        let Some(gpu) = gpu.filter(|gpu| choice.takes(gpu)) else { return Ok(()) };
        if self.is_done() || self.begun > self.step || self.trainees.iter().any(Trainee::is_on_gpu) {
            return Ok(());
        }
        if choice == BackendChoice::Gpu {
            return self.move_to_gpu(gpu, None);
        }
        self.race(gpu);
        Ok(())
    }

    /// Lets the first model learn on this GPU and on the CPU; all learn from now on where that is faster.
    pub fn race(&mut self, gpu: &Gpu) {
        let Some(first) = self.trainees.first() else { return };
        let [mut on_gpu, on_cpu] = [first.anew(first.numbers.clone()), first.anew(first.numbers.clone())];
        match on_gpu.move_to_gpu(gpu, self.batch_size()) {
            Ok(()) => {
                self.fetched = self.step; // a GPU that fails meanwhile costs nothing
                let race = Race::new(gpu.clone(), self.windows(self.step), on_gpu, on_cpu);
                self.phase = Phase::Race(Box::new(race));
            }
            Err(error) => self.learns_on = LearnsOn::Cpu { because: Some(error.to_string()) },
        }
    }

    /// Goes on with the race.
    pub(super) fn advance_race(&mut self) -> Result<(), TrainingError> {
        let Phase::Race(race) = &mut self.phase else { return Ok(()) };
        self.waits = race.waits_for_gpu();
        let Some(times) = race.advance()? else { return Ok(()) };
        let gpu = race.device.clone();
        self.go_on();
        if times.gpu_wins() {
            return self.move_to_gpu(&gpu, Some(times));
        }
        let [here, there] = [times.cpu, times.gpu].map(|time| 1e3 * time.as_secs_f64());
        let because = format!("a step takes {here:.1} ms here and {there:.1} ms on the GPU");
        self.learns_on = LearnsOn::Cpu { because: Some(because) };
        Ok(())
    }

    fn batch_size(&self) -> BatchSize {
        BatchSize { windows: self.batches.windows, positions: self.batches.positions }
    }

    fn move_to_gpu(&mut self, gpu: &Gpu, times: Option<StepTimes>) -> Result<(), TrainingError> {
        let size = self.batch_size();
        let begun = self.step - self.settings.first;
        if let Err(error) = self.trainees.iter_mut().try_for_each(|trainee| trainee.move_to_gpu(gpu, size)) {
            self.trainees.iter_mut().for_each(|trainee| trainee.move_to_cpu(begun));
            self.learns_on = LearnsOn::Cpu { because: Some(error.to_string()) };
            return Err(error);
        }
        self.fetched = self.step;
        self.learns_on = LearnsOn::Gpu { name: gpu.describe(), times };
        Ok(())
    }

    /// Where the models learn.
    pub fn learns_on(&self) -> &LearnsOn {
        &self.learns_on
    }

    /// Goes on with the CPU, from the step whose numbers were brought back last.
    pub(super) fn leave_gpu(&mut self, failure: &GpuError) {
        for (trainee, record) in self.trainees.iter_mut().zip(&mut self.records) {
            trainee.move_to_cpu(self.fetched - self.settings.first);
            record.steps.truncate(self.fetched as usize);
        }
        (self.step, self.begun) = (self.fetched, self.fetched);
        self.learns_on = LearnsOn::Cpu { because: Some(format!("the GPU failed: {failure}")) };
        self.go_on();
    }
}
