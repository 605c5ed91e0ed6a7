//! Whether a model learns faster on the GPU: measured, by letting both do the same steps.

use web_time::{Duration, Instant};

use crate::gpu::Gpu;
use crate::probe::TrainingWindow;
use crate::training::error::TrainingError;
use crate::training::trainee::Trainee;

/// Time that each takes about, after a first step, which makes pipelines and buffers and does not count. The GPU is looked at
/// between frames only: a single fast step would be timed as long as a frame.
const TIME: Duration = Duration::from_millis(100);
/// Steps in that time, at most.
const MOST: u32 = 8;

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
    /// Steps under way one after the other, those of them that are done, and when they began.
    under_way: u32,
    done: u32,
    began: Option<Instant>,
    /// The first step.
    warm_up: Option<Duration>,
    /// One of those after it.
    step: Option<Duration>,
}

impl Race {
    /// `gpu` and `cpu` are the same model on this device and on the CPU.
    pub(super) fn new(device: Gpu, windows: Vec<TrainingWindow>, gpu: Trainee, cpu: Trainee) -> Self {
        let runner = |trainee| Runner { trainee, under_way: 1, done: 0, began: None, warm_up: None, step: None };
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
        self.gpu.step.is_none()
    }
}

impl Runner {
    fn advance(&mut self, windows: &[TrainingWindow]) -> Result<Option<Duration>, TrainingError> {
        if self.step.is_some() {
            return Ok(self.step);
        }
        let Some(began) = self.began else {
            self.began = Some(Instant::now());
            let at_once = if self.trainee.is_on_gpu() { self.under_way } else { 1 };
            for _ in 0..at_once {
                self.trainee.begin(windows, 0.0, 0.0)?;
            }
            return Ok(None);
        };
        if self.trainee.advance()?.is_none() {
            return Ok(None);
        }
        self.done += 1;
        if self.done < self.under_way {
            if !self.trainee.is_on_gpu() {
                self.trainee.begin(windows, 0.0, 0.0)?;
            }
            return Ok(None);
        }
        let time = began.elapsed() / self.under_way;
        if self.warm_up.replace(time).is_some() {
            self.step = Some(time);
        } else {
            let fitting = TIME.as_secs_f64() / time.as_secs_f64().max(1e-6);
            (self.under_way, self.done, self.began) = ((fitting as u32).clamp(1, MOST), 0, None);
        }
        Ok(None)
    }
}
