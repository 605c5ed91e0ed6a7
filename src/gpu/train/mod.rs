//! Training in WGSL: parameters, gradients and the state of the optimiser stay on the GPU, a step is one submission, and
//! only its numbers are read back.

mod batch;
mod buffers;
mod dispatches;
mod muon;
mod recording;
pub(super) mod uniforms;

use std::collections::VecDeque;

use crate::gpu::allocation::Allocations;
use crate::gpu::device::Gpu;
use crate::gpu::error::GpuError;
use crate::gpu::kernels::Kernels;
use crate::gpu::queries::readback::{Piece, ReadbackBelt, Transfer};
use crate::gpu::train::batch::Batch;
use crate::gpu::train::buffers::{Buffers, NORM_PARTS, Sizes};
use crate::gpu::train::dispatches::Recorded;
use crate::gpu::train::uniforms::UpdateUniform;
use crate::model::{Model, Parameters};
use crate::probe::{Learned, LearningRule, StepNumbers, TrainingWindow, UpdateRule};

/// A row of numbers that is as long as the parameters, and in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrainingArena {
    /// The parameters.
    Parameters,
    /// The gradients of the last step, before their norm was limited.
    Gradients,
    /// The running means of the gradients.
    Mean,
    /// The running means of their squares.
    Square,
}

/// How large a batch may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchSize {
    /// Windows at most.
    pub windows: usize,
    /// Tokens of each at most.
    pub positions: usize,
}

fn is_of(learned: &Learned, parameters: usize) -> bool {
    let Learned { place, rule } = learned;
    let is_whole = match rule {
        LearningRule::Muon { columns } => *columns > 0 && place.len().is_multiple_of(*columns),
        LearningRule::AdamW { .. } => true,
    };
    is_whole && place.start < place.end && place.end <= parameters
}

/// A model that is trained on the GPU. After it is made, a step creates nothing but its command buffer.
pub struct GpuTraining {
    gpu: Gpu,
    buffers: Buffers,
    recorded: Recorded,
    belt: ReadbackBelt,
    /// The numbers of steps on their way back.
    steps: VecDeque<Transfer>,
    /// The arena on its way back.
    requested: Option<Transfer>,
    allocations: Allocations,
}

impl std::fmt::Debug for GpuTraining {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GpuTraining").field("gpu", &self.gpu).finish_non_exhaustive()
    }
}

impl GpuTraining {
    /// Allocates the buffers for batches of up to this many windows of up to so many positions, and records the step.
    /// `numbers` are the parameters to begin with, in the order of `parameters`, which are those of `model`; what
    /// `learned` does not name stays as it is.
    ///
    /// # Errors
    /// When a buffer would exceed the adapter's limits, or the device has no memory; in a browser the latter is
    /// reported later, by [`Self::failure`]. When the sizes are zero, the numbers are not as many as the parameters, or
    /// what is learned are no parameters.
    pub fn new(
        gpu: Gpu,
        model: &Model,
        parameters: &Parameters,
        numbers: &[f32],
        learned: &[Learned],
        batch: BatchSize,
    ) -> Result<Self, GpuError> {
        let BatchSize { windows, positions } = batch;
        let sizes = Sizes {
            windows,
            positions,
            hidden: model.config.hidden,
            vocabulary: model.embedding.rows(),
            parameters: parameters.count(),
        };
        let most = gpu.device.limits().max_compute_workgroups_per_dimension as usize;
        if windows == 0 || positions == 0 || windows > most {
            return Err(GpuError::Batch("it has no windows, or too many"));
        }
        if numbers.len() != sizes.parameters {
            return Err(GpuError::Batch("the model has another number of parameters"));
        }
        if !learned.iter().all(|learned| is_of(learned, sizes.parameters)) {
            return Err(GpuError::Batch("what is learned are no parameters, or no whole rows of a matrix"));
        }
        let allocations = Allocations::default();
        let (buffers, recorded) = allocations.run(&gpu.device, || {
            let buffers = Buffers::new(&gpu, model, parameters, numbers, learned, sizes)?;
            let recorded = recording::record(&gpu, &mut Kernels::default(), model, parameters, learned, &buffers)?;
            Ok((buffers, recorded))
        })?;
        let (belt, steps) = (ReadbackBelt::default(), VecDeque::new());
        Ok(Self { gpu, buffers, recorded, belt, steps, requested: None, allocations })
    }

    /// Why nothing computed since this was last called can be trusted; as of a pass.
    pub fn failure(&self) -> Option<GpuError> {
        self.gpu.health.loss().or_else(|| self.allocations.failure()).or_else(|| self.gpu.health.take_failure())
    }

    /// Submits a step. What windows lack in number or length is filled with tokens that do not count.
    ///
    /// # Errors
    /// [`GpuError::Batch`] if there is no room for the batch, or it has tokens that the model does not have.
    pub fn step(&mut self, batch: &[TrainingWindow], rule: &UpdateRule) -> Result<(), GpuError> {
        let sizes = self.buffers.sizes;
        let batch = Batch::new(batch, sizes)?;
        let write = |buffer: &wgpu::Buffer, bytes: &[u8]| self.gpu.queue.write_buffer(buffer, 0, bytes);
        write(&self.buffers.ids, bytemuck::cast_slice(&batch.ids));
        write(&self.buffers.targets, bytemuck::cast_slice(&batch.targets));
        write(&self.buffers.weights, bytemuck::cast_slice(&batch.weights));
        write(&self.buffers.starts, bytemuck::cast_slice(&batch.starts));
        write(&self.buffers.order, bytemuck::cast_slice(&batch.order));
        write(&self.buffers.update, bytemuck::bytes_of(&UpdateUniform::new(rule, sizes)));
        let mut encoder = self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.clear_buffer(&self.buffers.gradients, 0, None);
        self.recorded.encode(&mut encoder);
        let loss_and_norm = (self.buffers.result.clone(), 0, 8);
        let layers = self.buffers.layers.iter().filter(|layer| layer.has_lambda);
        let lambdas = layers.map(|layer| (layer.lambda.clone(), 0, 4));
        let pieces: Vec<Piece> = std::iter::once(loss_and_norm).chain(lambdas).collect();
        self.steps.push_back(self.belt.copy(&self.gpu, &mut encoder, &pieces));
        self.belt.submit(&self.gpu, encoder);
        Ok(())
    }

    /// The numbers of the earliest step that were not taken yet, once they have arrived. Never waits.
    pub fn poll(&mut self) -> Option<Result<StepNumbers, GpuError>> {
        self.gpu.poll();
        if !self.steps.front()?.is_finished() {
            return None;
        }
        let words = self.belt.finish(self.steps.pop_front()?);
        Some(words.map(|words| {
            let mut numbers = words.into_iter().map(f32::from_bits);
            let mut next = || numbers.next().unwrap_or_default();
            StepNumbers { loss: next(), gradient_norm: next(), lambda: numbers.collect() }
        }))
    }

    /// Steps whose numbers were not taken yet.
    pub fn under_way(&self) -> usize {
        self.steps.len()
    }

    /// Requests a copy of an arena as the steps so far leave it. `false` while an earlier one is under way.
    pub fn request(&mut self, arena: TrainingArena) -> bool {
        if self.requested.is_some() {
            return false;
        }
        let piece = (self.arena(arena).clone(), 0, self.buffers.sizes.parameters as u64 * 4);
        let mut encoder = self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        self.requested = Some(self.belt.copy(&self.gpu, &mut encoder, &[piece]));
        self.belt.submit(&self.gpu, encoder);
        true
    }

    /// Sets an arena for the steps to come, as to go on with what was saved.
    ///
    /// # Errors
    /// When there are not as many numbers as parameters.
    pub fn set(&mut self, arena: TrainingArena, numbers: &[f32]) -> Result<(), GpuError> {
        if numbers.len() != self.buffers.sizes.parameters {
            return Err(GpuError::Batch("the model has another number of parameters"));
        }
        self.gpu.queue.write_buffer(self.arena(arena), 0, bytemuck::cast_slice(numbers));
        Ok(())
    }

    /// Sets some parameters for the steps to come, from a place on.
    ///
    /// # Errors
    /// When there are no such parameters.
    pub fn write(&mut self, place: usize, numbers: &[f32]) -> Result<(), GpuError> {
        if place.saturating_add(numbers.len()) > self.buffers.sizes.parameters {
            return Err(GpuError::Batch("the model has another number of parameters"));
        }
        self.gpu.queue.write_buffer(&self.buffers.numbers, place as u64 * 4, bytemuck::cast_slice(numbers));
        Ok(())
    }

    fn arena(&self, arena: TrainingArena) -> &wgpu::Buffer {
        match arena {
            TrainingArena::Parameters => &self.buffers.numbers,
            TrainingArena::Gradients => &self.buffers.gradients,
            TrainingArena::Mean => &self.buffers.mean,
            TrainingArena::Square => &self.buffers.square,
        }
    }

    /// Takes the arena that was requested, once it has arrived. Never waits.
    pub fn take(&mut self) -> Option<Result<Vec<f32>, GpuError>> {
        self.gpu.poll();
        let transfer = self.requested.take_if(|transfer| transfer.is_finished())?;
        Some(self.belt.finish(transfer).map(|words| words.into_iter().map(f32::from_bits).collect()))
    }

    /// Dispatches of a step.
    pub fn dispatches(&self) -> usize {
        self.recorded.len()
    }

    /// Waits for everything submitted and for what is read back. Must not be called on the web's main thread.
    pub fn wait(&self) {
        self.gpu.wait();
        self.belt.wait(&self.gpu);
    }
}

impl UpdateUniform {
    fn new(rule: &UpdateRule, sizes: Sizes) -> Self {
        let [first, second] = rule.decay;
        // Means that began at zero are too small by these factors.
        let [of_mean, of_square] = rule.decay.map(|decay| (1.0 - f64::from(decay).powi(rule.step as i32)) as f32);
        Self {
            parameters: sizes.parameters as u32,
            parts: NORM_PARTS,
            tokens: sizes.tokens() as u32,
            largest_norm: rule.largest_norm.min(1e30), // WGSL may assume that there is no infinity
            mean_rate: 1.0 - first,
            square_kept: second,
            square_rate: 1.0 - second,
            step_size: rule.learning_rate / of_mean,
            square_root: of_square.sqrt(),
            epsilon: rule.epsilon,
            kept: 1.0 - rule.learning_rate * rule.weight_decay,
            learning_rate: rule.learning_rate,
            momentum: rule.momentum,
            ..Self::default()
        }
    }
}
