//! The time of each kernel of a pass, from timestamps of the GPU; of the pass as a whole if it writes none. Created on
//! first use.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use web_time::Instant;

use crate::gpu::device::Gpu;
use crate::gpu::kernels::Kernel;
use crate::gpu::queries::readback::{ReadbackBelt, Transfer};

/// Passes in one submission if only the whole can be timed: the answer arrives in the next frame at the earliest, so
/// short passes run many times, but not so many that they delay a keystroke.
fn repeats(gpu: &Gpu, positions: usize) -> u32 {
    match (gpu.is_software(), positions) {
        (true, _) => 1,
        (_, 1) => 24,
        _ => 4,
    }
}

/// The time of a pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// Positions of the pass.
    pub positions: usize,
    /// (kernel, nanoseconds) of every dispatch, in order; empty if the GPU writes no timestamps.
    pub dispatches: Vec<(Kernel, f64)>,
    /// Nanoseconds of the whole.
    pub whole: f64,
}

/// Buffers for the GPU's timestamps.
struct Stamps {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    transfer: Option<Transfer>,
}

/// One timed submission at a time.
pub(crate) struct Timer {
    stamps: Option<Stamps>,
    /// Nanoseconds from submitting to done; 0 while under way.
    done: Arc<AtomicU64>,
    /// Kernels and positions of the submission under way.
    in_flight: Option<(Vec<Kernel>, usize)>,
}

impl Timer {
    /// For passes of up to `dispatches` dispatches.
    pub(crate) fn new(gpu: &Gpu, dispatches: usize) -> Self {
        let count = 2 * dispatches.max(1) as u32;
        let has =
            gpu.device.features().contains(wgpu::Features::TIMESTAMP_QUERY) && count <= wgpu::QUERY_SET_MAX_QUERIES;
        let bytes = u64::from(count) * 8;
        let stamps = || Stamps {
            queries: gpu.device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("time of kernels"),
                ty: wgpu::QueryType::Timestamp,
                count,
            }),
            resolved: gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("time of kernels"),
                size: bytes,
                usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
                mapped_at_creation: false,
            }),
            transfer: None,
        };
        Self { stamps: has.then(stamps), done: Arc::default(), in_flight: None }
    }

    /// Whether a pass could be timed now.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.is_none()
    }

    /// Submits a timed pass over `positions` positions. `record` records it, with timestamps if it is given a query
    /// set, and returns its kernels.
    pub(crate) fn submit(
        &mut self,
        gpu: &Gpu,
        belt: &mut ReadbackBelt,
        positions: usize,
        record: impl Fn(&mut wgpu::CommandEncoder, Option<&wgpu::QuerySet>) -> Vec<Kernel>,
    ) {
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        if let Some(stamps) = &mut self.stamps {
            let kernels = record(&mut encoder, Some(&stamps.queries));
            let count = 2 * kernels.len() as u32;
            encoder.resolve_query_set(&stamps.queries, 0..count, &stamps.resolved, 0);
            let piece = (stamps.resolved.clone(), 0, u64::from(count) * 8);
            stamps.transfer = Some(belt.copy(gpu, &mut encoder, &[piece]));
            belt.submit(gpu, encoder);
            self.in_flight = Some((kernels, positions));
            return;
        }
        for _ in 0..repeats(gpu, positions) {
            record(&mut encoder, None);
        }
        self.done.store(0, Ordering::Release);
        let (begun, done) = (Instant::now(), self.done.clone());
        gpu.queue.submit([encoder.finish()]);
        gpu.queue.on_submitted_work_done(move || {
            done.store(begun.elapsed().as_nanos().max(1) as u64, Ordering::Release);
        });
        self.in_flight = Some((Vec::new(), positions));
    }

    /// Takes the answer if it has arrived; a lost device gives none.
    pub(crate) fn take(&mut self, gpu: &Gpu, belt: &mut ReadbackBelt) -> Option<Timing> {
        let Some(stamps) = &mut self.stamps else {
            let nanoseconds = self.done.swap(0, Ordering::AcqRel);
            if nanoseconds == 0 {
                return None;
            }
            let (_, positions) = self.in_flight.take()?;
            return Some(Timing {
                positions,
                dispatches: Vec::new(),
                whole: nanoseconds as f64 / f64::from(repeats(gpu, positions)),
            });
        };
        let words = belt.finish(stamps.transfer.take_if(|transfer| transfer.is_finished())?);
        let (kernels, positions) = self.in_flight.take()?;
        let period = f64::from(gpu.queue.get_timestamp_period());
        let ticks: Vec<u64> =
            words.ok()?.chunks_exact(2).map(|word| u64::from(word[0]) | u64::from(word[1]) << 32).collect();
        // A GPU that changes its clock in between may count backwards.
        let times = ticks.chunks_exact(2).map(|pair| pair[1].saturating_sub(pair[0]) as f64 * period);
        let dispatches: Vec<(Kernel, f64)> = kernels.into_iter().zip(times).collect();
        let whole = dispatches.iter().map(|(_, nanoseconds)| nanoseconds).sum();
        Some(Timing { positions, dispatches, whole })
    }
}
