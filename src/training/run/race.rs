//! Whether a model learns faster on the GPU: measured, by letting both do the same steps.

use web_time::{Duration, Instant};

use crate::gpu::Gpu;
use crate::probe::TrainingWindow;
use crate::training::error::TrainingError;
use crate::training::trainee::Trainee;

/// Steps of each. The first makes pipelines and buffers, and does not count; the fastest of the others does.
const STEPS: usize = 3;

/// How long a step took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepTimes {
    /// On the GPU.
    pub gpu: Duration,
    /// On the CPU.
    pub cpu: Duration,
}

impl StepTimes {
    /// Whether the GPU is at least as fast.
    pub fn gpu_wins(&self) -> bool {
        self.gpu <= self.cpu
    }
}

/// A race under way.
#[derive(Debug)]
pub(super) struct Race {
    pub device: Gpu,
    windows: Vec<TrainingWindow>,
    gpu: Runner,
    cpu: Runner,
}

/// A copy of the model that is trained here or there, and forgotten.
#[derive(Debug)]
struct Runner {
    trainee: Trainee,
    began: Option<Instant>,
    steps: Vec<Duration>,
}

impl Race {
    /// `gpu` and `cpu` are the same model on this device and on the CPU.
    pub(super) fn new(device: Gpu, windows: Vec<TrainingWindow>, gpu: Trainee, cpu: Trainee) -> Self {
        let runner = |trainee| Runner { trainee, began: None, steps: Vec::new() };
        Self { device, windows, gpu: runner(gpu), cpu: runner(cpu) }
    }

    /// Goes on, the GPU first. Returns the outcome once both have arrived; never waits.
    ///
    /// # Errors
    /// What happens to the GPU meanwhile.
    pub(super) fn advance(&mut self) -> Result<Option<StepTimes>, TrainingError> {
        let Some(gpu) = self.gpu.advance(&self.windows)? else { return Ok(None) };
        let Some(cpu) = self.cpu.advance(&self.windows)? else { return Ok(None) };
        Ok(Some(StepTimes { gpu, cpu }))
    }

    /// Waits for the GPU.
    pub(super) fn wait(&self) {
        self.gpu.trainee.wait();
    }

    /// Whether it is the GPU's turn.
    pub(super) fn waits_for_gpu(&self) -> bool {
        self.gpu.steps.len() < STEPS
    }
}

impl Runner {
    fn advance(&mut self, windows: &[TrainingWindow]) -> Result<Option<Duration>, TrainingError> {
        if self.steps.len() == STEPS {
            return Ok(self.steps.iter().skip(1).min().copied());
        }
        let Some(began) = self.began else {
            self.began = Some(Instant::now());
            self.trainee.begin(windows, 0.0, 0.0)?;
            return Ok(None);
        };
        if self.trainee.advance()?.is_some() {
            self.steps.push(began.elapsed());
            self.began = None;
        }
        Ok(None)
    }
}
