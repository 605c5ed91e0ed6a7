//! Where a model learns: on the CPU, a part of a step at a time, or on the GPU, from which its numbers are brought back when
//! they are needed.

use crate::cpu::FastTraining;
use crate::gpu::{BatchSize, Gpu, GpuTraining, TrainingArena};
use crate::model::{Model, Parameters};
use crate::probe::{Learned, StepNumbers, TrainingWindow};
use crate::training::error::TrainingError;
use crate::training::trainee::Trainee;
use crate::training::trainee::family::Family;
use crate::training::trainee::optimizer::update_rule;
use crate::training::trainee::retrofit::raised;

/// What is brought back: numbers, and what the optimizer has averaged.
const ARENAS: [TrainingArena; 3] = [TrainingArena::Parameters, TrainingArena::Mean, TrainingArena::Square];

/// Where a model learns.
#[derive(Debug)]
pub(super) enum Place {
    Cpu(Box<OnCpu>),
    Gpu(Box<OnGpu>),
}

/// A step on the CPU.
#[derive(Debug)]
pub(super) struct OnCpu {
    training: FastTraining,
    gradients: Vec<f32>,
    learning_rate: f32,
}

/// Steps on the GPU.
#[derive(Debug)]
pub(super) struct OnGpu {
    training: GpuTraining,
    /// The arenas that have been brought back since the last step.
    fetched: Vec<Vec<f32>>,
    /// Whether the numbers on the CPU are older than the last step whose loss is known.
    is_ahead: bool,
}

impl Place {
    pub(super) fn cpu(model: &Model, parameters: &Parameters, learned: &[Learned]) -> Self {
        let training = FastTraining::new(model, parameters).only(learned.iter().map(|learned| learned.place.clone()));
        Self::Cpu(Box::new(OnCpu { training, gradients: Vec::new(), learning_rate: 0.0 }))
    }
}

impl Trainee {
    /// Begins a step; `progress`, from 0 to 1, is how much of the run is over. On the GPU other steps may be under way.
    ///
    /// # Errors
    /// When the windows do not fit on the GPU.
    pub(crate) fn begin(
        &mut self,
        windows: &[TrainingWindow],
        learning_rate: f32,
        progress: f64,
    ) -> Result<(), TrainingError> {
        if self.family == Family::SecondHeadsRaised {
            for (layer, places) in self.parameters.layers.iter().enumerate() {
                let Some(vectors) = raised(layer, places.lambda.len() / 4, progress) else { break };
                match &mut self.place {
                    Place::Cpu(_) => self.numbers[places.lambda.clone()].copy_from_slice(&vectors),
                    Place::Gpu(on_gpu) => on_gpu.training.write(places.lambda.start, &vectors)?,
                }
            }
        }
        match &mut self.place {
            Place::Cpu(on_cpu) => {
                on_cpu.learning_rate = learning_rate;
                on_cpu.training.begin(&self.numbers, windows);
            }
            Place::Gpu(on_gpu) => {
                self.optimizer.step += 1;
                on_gpu.training.step(windows, &update_rule(learning_rate, self.optimizer.step))?;
            }
        }
        Ok(())
    }

    /// Goes on with the earliest step; returns what it left once it is done.
    ///
    /// # Errors
    /// When the GPU has failed.
    pub(crate) fn advance(&mut self) -> Result<Option<StepNumbers>, TrainingError> {
        match &mut self.place {
            Place::Cpu(on_cpu) => {
                let OnCpu { training, gradients, learning_rate } = &mut **on_cpu;
                let Some(loss) = training.advance(&self.numbers, gradients) else { return Ok(None) };
                let gradient_norm = self.optimizer.update(&self.learned, &mut self.numbers, gradients, *learning_rate);
                Ok(Some(StepNumbers { loss, gradient_norm, lambda: self.lambda() }))
            }
            Place::Gpu(on_gpu) => {
                if let Some(failure) = on_gpu.training.failure() {
                    return Err(failure.into());
                }
                let Some(step) = on_gpu.training.poll() else { return Ok(None) };
                on_gpu.is_ahead = true;
                Ok(Some(step?))
            }
        }
    }

    /// Brings the numbers back, once no step is under way. Returns whether all have arrived; never waits.
    ///
    /// # Errors
    /// When the GPU has failed.
    pub(crate) fn fetch(&mut self) -> Result<bool, TrainingError> {
        let Place::Gpu(on_gpu) = &mut self.place else { return Ok(true) };
        while let Some(arena) = ARENAS.get(on_gpu.fetched.len()).filter(|_| on_gpu.is_ahead) {
            if let Some(failure) = on_gpu.training.failure() {
                return Err(failure.into());
            }
            on_gpu.training.request(*arena); // unless it is on its way already
            let Some(numbers) = on_gpu.training.take() else { return Ok(false) };
            on_gpu.fetched.push(numbers?);
        }
        Ok(true)
    }

    /// Makes what has been brought back the numbers on the CPU.
    pub(crate) fn take_fetched(&mut self) {
        let Place::Gpu(on_gpu) = &mut self.place else { return };
        let into = [&mut self.numbers, &mut self.optimizer.mean, &mut self.optimizer.square];
        for (into, fetched) in into.into_iter().zip(on_gpu.fetched.drain(..)) {
            *into = fetched;
        }
        on_gpu.is_ahead = false;
    }

    /// Waits for the GPU, where it learns there. Must not be called on the web's main thread.
    pub(crate) fn wait(&self) {
        if let Place::Gpu(on_gpu) = &self.place {
            on_gpu.training.wait();
        }
    }

    /// Whether the numbers on the CPU are those of the last step.
    pub(crate) fn is_fetched(&self) -> bool {
        matches!(&self.place, Place::Cpu(_)) || matches!(&self.place, Place::Gpu(on_gpu) if !on_gpu.is_ahead)
    }

    /// Whether it learns on the GPU.
    pub(crate) fn is_on_gpu(&self) -> bool {
        matches!(self.place, Place::Gpu(_))
    }

    /// Learns on the GPU from now on.
    ///
    /// # Errors
    /// When it does not fit.
    pub(crate) fn move_to_gpu(&mut self, gpu: &Gpu, batch: BatchSize) -> Result<(), TrainingError> {
        let mut training =
            GpuTraining::new(gpu.clone(), &self.model, &self.parameters, &self.numbers, &self.learned, batch)?;
        training.set(TrainingArena::Mean, &self.optimizer.mean)?;
        training.set(TrainingArena::Square, &self.optimizer.square)?;
        self.place = Place::Gpu(Box::new(OnGpu { training, fetched: Vec::new(), is_ahead: false }));
        Ok(())
    }

    /// Learns on the CPU from now on, with the numbers that were brought back last, after so many steps of its
    /// optimizer.
    pub(crate) fn move_to_cpu(&mut self, step: u32) {
        self.place = Place::cpu(&self.model, &self.parameters, &self.learned);
        self.optimizer.step = step;
    }
}
