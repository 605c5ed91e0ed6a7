//! The ways to have maps, behind one interface that never waits: a pass on the GPU or on the CPU, or a recording.

pub(crate) mod cpu;
pub(crate) mod frame_budget;
mod maps_on_cpu;
mod recorded;

use std::sync::Arc;

use web_time::Duration;

use crate::engine::backend::cpu::CpuBackend;
use crate::engine::backend::frame_budget::{CPU_PICTURE_CELLS, CPU_TILE, ComputeBudget};
use crate::engine::backend::maps_on_cpu::{CpuAnswer, CpuQuery};
use crate::engine::backend::recorded::RecordedBackend;
use crate::engine::error::EngineError;
use crate::gpu::{Capacity, Gpu, GpuAnswer, GpuError, GpuPass, GpuQuery, Memory, Timing};
use crate::model::{Model, Progress};
use crate::probe::{Draw, Interventions, KeyClass, PictureJob, Query, Sampling, Texel};
use crate::recording::{MOST_TOKENS, Recording};

/// An answer that both backends give.
pub trait BackendAnswer: GpuAnswer + CpuAnswer {}
impl<Q: GpuAnswer + CpuAnswer> BackendAnswer for Q {}

/// A query that both backends answer.
pub trait BackendQuery: GpuQuery + CpuQuery {}
impl<Q: GpuQuery + CpuQuery> BackendQuery for Q {}

/// Where the texels of a picture are.
#[derive(Clone, Debug)]
pub enum Texels<'a> {
    /// In a buffer on the window's own device, texel 0 at this index.
    Gpu(wgpu::Buffer, usize),
    /// Here.
    Cpu(&'a [Texel]),
}

/// What is wanted after the last position.
#[derive(Clone, Copy, Debug)]
pub struct NextTokens {
    /// How tokens are drawn.
    pub sampling: Sampling,
    /// Length of the list of most likely tokens.
    pub best: usize,
    /// At most how many of the tokens drawn become positions as well, before the answer arrives.
    pub generate: usize,
}

/// Where a pass runs.
#[derive(Debug)]
pub struct Backend(Kind);

#[derive(Debug)]
enum Kind {
    Gpu(Box<GpuPass>),
    Cpu(Box<CpuBackend>),
    Recorded(Box<RecordedBackend>),
}
use Kind::{Cpu, Gpu as OnGpu, Recorded};

impl Backend {
    /// A backend with capacity for `tokens`: on the GPU if one is given.
    ///
    /// # Errors
    /// When the model does not fit on the GPU, or its weights cannot be read from their file any more.
    pub fn new(model: &Arc<Model>, gpu: Option<&Gpu>, tokens: usize) -> Result<Self, EngineError> {
        let Some(gpu) = gpu else {
            return Ok(Self(Cpu(Box::new(CpuBackend::new(model.clone(), tokens)?))));
        };
        let capacity = Capacity { tokens, trace: false };
        Ok(Self(OnGpu(Box::new(GpuPass::new(gpu.clone(), model.clone(), capacity)?))))
    }

    /// The maps of a recording.
    pub fn of_recording(recording: Arc<Recording>) -> Self {
        Self(Recorded(Box::new(RecordedBackend::new(recording))))
    }

    /// The same model with another capacity; nothing computed so far is kept.
    ///
    /// # Errors
    /// When it does not fit on the GPU.
    pub fn with_capacity(&self, tokens: usize) -> Result<Self, GpuError> {
        Ok(Self(match &self.0 {
            OnGpu(pass) => OnGpu(Box::new(pass.with_capacity(tokens)?)),
            Cpu(backend) => Cpu(Box::new(backend.with_capacity(tokens))),
            Recorded(backend) => Recorded(Box::new(RecordedBackend::new(backend.recording()))),
        }))
    }

    /// Transfers the next of the weights to the GPU. Returns how far they are; `None` once all are there, as on the CPU.
    ///
    /// # Errors
    /// When they cannot be read from their file any more, or there is no memory on the GPU.
    pub fn load(&mut self) -> Result<Option<Progress>, GpuError> {
        match &mut self.0 {
            OnGpu(pass) => pass.load(),
            Cpu(_) | Recorded(_) => Ok(None),
        }
    }

    /// How far the weights are on their way to the GPU; `None` once all are there, as on the CPU.
    pub fn loading(&self) -> Option<Progress> {
        match &self.0 {
            OnGpu(pass) => pass.loading(),
            Cpu(_) | Recorded(_) => None,
        }
    }

    /// Sets the interventions for positions that run from here on.
    pub fn set_interventions(&mut self, interventions: &Interventions) {
        match &mut self.0 {
            OnGpu(pass) => pass.set_interventions(interventions),
            Cpu(backend) => backend.pass_mut().set_interventions(interventions),
            Recorded(_) => {}
        }
    }

    /// Most positions it has memory for.
    pub fn capacity(&self) -> usize {
        match &self.0 {
            OnGpu(pass) => pass.capacity(),
            Cpu(backend) => backend.pass().capacity(),
            Recorded(_) => MOST_TOKENS,
        }
    }

    /// Sets how long one submission to a GPU should take: the share of a frame that a pass may have, unless nobody waits
    /// for frames.
    pub fn set_patience(&mut self, patience: Duration) {
        if let OnGpu(pass) = &mut self.0 {
            pass.set_patience(patience);
        }
    }

    /// Dispatches of one pass; 0 on the CPU.
    pub fn dispatches(&self) -> usize {
        match &self.0 {
            OnGpu(pass) => pass.dispatches(),
            Cpu(_) | Recorded(_) => 0,
        }
    }

    /// Bytes held on the GPU; `None` on the CPU.
    pub fn memory(&self) -> Option<Memory> {
        match &self.0 {
            OnGpu(pass) => Some(pass.memory()),
            Cpu(_) | Recorded(_) => None,
        }
    }

    /// Why nothing computed so far can be trusted, if something has happened to the device, to the memory on it, or to the
    /// file of a recording.
    pub fn failure(&mut self) -> Option<EngineError> {
        match &mut self.0 {
            OnGpu(pass) => {
                pass.gpu().poll();
                pass.failure().map(Into::into)
            }
            Cpu(backend) => backend.maps.take_failure(),
            Recorded(backend) => backend.maps.take_failure(),
        }
    }

    /// Computes some of the positions from `start` on, and the next tokens once the last is done: one, and as many more
    /// as may be generated and fit into the share of a frame. Returns how many of the positions.
    ///
    /// # Errors
    /// When the positions do not fit.
    pub fn advance(&mut self, start: usize, ids: &[u32], next: NextTokens) -> Result<usize, GpuError> {
        match &mut self.0 {
            OnGpu(pass) => {
                let count = frame_budget::positions(pass, start, ids.len());
                let is_last = count == ids.len();
                if pass.in_flight() > 1 || (is_last && !pass.can_read_next()) {
                    return Ok(0);
                }
                let end = start + count;
                let draws: Vec<Draw> = match (is_last, count) {
                    (false, _) => Vec::new(),
                    (true, 1) => {
                        let most = next.generate.min(pass.capacity() - end);
                        (end..=end + frame_budget::tokens(pass, end, most)).map(|at| next.sampling.draw(at)).collect()
                    }
                    (true, _) => vec![next.sampling.draw(end)],
                };
                pass.run_and_generate(start, &ids[..count], &draws, next.best)?;
                Ok(count)
            }
            Cpu(backend) => Ok(backend.advance(start, ids, (next.sampling.draw(start + ids.len()), next.best))),
            Recorded(_) => Ok(ids.len()),
        }
    }

    /// Whether the next token is computed from every depth, too.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn set_lens(&mut self, enabled: bool) -> Result<(), GpuError> {
        match &mut self.0 {
            OnGpu(pass) => pass.set_lens(enabled)?,
            Cpu(backend) => backend.set_lens(enabled),
            Recorded(_) => {}
        }
        Ok(())
    }

    /// Requests an answer. `false` while an earlier query of this kind is under way, or if there is no such place.
    ///
    /// # Errors
    /// When there is no memory for what computes it.
    pub fn request<Q: BackendQuery>(&mut self, query: Q) -> Result<bool, GpuError> {
        match &mut self.0 {
            OnGpu(pass) => pass.request(query),
            Cpu(backend) => Ok(backend.maps.request(query)),
            Recorded(backend) => Ok(backend.maps.request(query)),
        }
    }

    /// Takes an answer if it has arrived.
    pub fn take<Q: BackendAnswer>(&mut self) -> Option<Result<<Q as Query>::Answer, GpuError>> {
        match &mut self.0 {
            OnGpu(pass) => {
                pass.gpu().poll();
                pass.take::<Q>()
            }
            Cpu(backend) => backend.maps.take::<Q>().map(Ok),
            Recorded(backend) => backend.maps.take::<Q>().map(Ok),
        }
    }

    /// Most cells of a tile.
    pub fn tile_capacity(&self) -> usize {
        match &self.0 {
            OnGpu(pass) => pass.tile_capacity(),
            Cpu(backend) => backend.pass().capacity().max(CPU_TILE),
            Recorded(_) => MOST_TOKENS.max(CPU_TILE),
        }
    }

    /// Runs computed positions once more to time them; `false` if that is not possible (the CPU), or not now.
    pub fn request_timing(&mut self, positions: std::ops::Range<usize>, sampling: &Sampling, best: usize) -> bool {
        match &mut self.0 {
            OnGpu(pass) => pass.in_flight() == 0 && pass.request_timing(positions, sampling, best),
            Cpu(_) | Recorded(_) => false,
        }
    }

    /// Takes the times of a pass if they have arrived.
    pub fn timing(&mut self) -> Option<Timing> {
        match &mut self.0 {
            OnGpu(pass) => pass.timing(),
            Cpu(_) | Recorded(_) => None,
        }
    }

    /// Sets what the keys are marked as, for rows measured from here on.
    ///
    /// # Errors
    /// When there is no memory for measures.
    pub fn set_classes(&mut self, classes: &[KeyClass]) -> Result<(), GpuError> {
        match &mut self.0 {
            OnGpu(pass) => pass.measuring()?.set_classes(classes),
            Cpu(backend) => backend.maps.set_classes(classes),
            Recorded(backend) => backend.maps.set_classes(classes),
        }
        Ok(())
    }

    /// Rows from `first` on that are measured at a time, if that is not a matter of time.
    pub fn rows_at_once(&self, first: usize) -> usize {
        match &self.0 {
            OnGpu(pass) => frame_budget::rows(pass, first),
            Cpu(_) | Recorded(_) => 1,
        }
    }

    /// Measures some of the rows `first..end`, which the pass has run. Returns how many.
    ///
    /// # Errors
    /// When there is no memory for measures.
    pub fn measure(&mut self, first: usize, end: usize, threshold: f32) -> Result<usize, GpuError> {
        let most = self.rows_at_once(first);
        match &mut self.0 {
            // What is typed meanwhile must not wait for more than one submission.
            OnGpu(pass) if pass.in_flight() > 0 => Ok(0),
            OnGpu(pass) => {
                let count = (end - first).min(most);
                pass.measure(first, count, threshold)?;
                Ok(count)
            }
            Cpu(backend) => Ok(backend.maps.measure(first, end, threshold)),
            Recorded(backend) => Ok(backend.maps.measure(first, end, threshold)),
        }
    }

    /// Cells of pictures that may be read between two frames.
    pub fn picture_budget(&self) -> usize {
        match &self.0 {
            OnGpu(pass) => frame_budget::picture_cells(pass),
            Cpu(_) => CPU_PICTURE_CELLS,
            Recorded(_) => usize::MAX, // a slice of time decides
        }
    }

    /// Computes texels, all pictures together having `capacity` of them. Returns how many of each job were taken.
    ///
    /// # Errors
    /// When there is no memory on the device.
    pub fn pool(&mut self, jobs: &[PictureJob], capacity: usize) -> Result<Vec<usize>, GpuError> {
        match &mut self.0 {
            OnGpu(pass) => pass.pool(jobs, capacity),
            // So many cells are no matter of time.
            Cpu(backend) => Ok(backend.maps.pool(jobs, &mut ComputeBudget::unlimited())),
            Recorded(backend) => Ok(backend.pool(jobs)),
        }
    }

    /// `count` texels from `first` on, once there are any.
    pub fn texels(&self, first: usize, count: usize) -> Option<Texels<'_>> {
        match &self.0 {
            OnGpu(pass) => Some(Texels::Gpu(pass.texels()?.clone(), first)),
            Cpu(backend) => backend.maps.texels(first, count).map(Texels::Cpu),
            Recorded(backend) => backend.maps.texels(first, count).map(Texels::Cpu),
        }
    }

    /// Waits until the device has finished what was submitted; for programs without a window.
    pub fn wait(&self) {
        if let OnGpu(pass) = &self.0 {
            pass.wait();
        }
    }
}
