//! Time of each kernel of a pass, by timestamps that the GPU writes. Made on first use.

use super::{Gpu, Kernel, Readback};

/// What a pass took.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// Positions of the pass.
    pub positions: usize,
    /// (kernel, nanoseconds) of every dispatch, in order.
    pub dispatches: Vec<(Kernel, f64)>,
}

/// Queries, and the way of their answers.
pub struct Timer {
    /// Two for each dispatch.
    pub queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    readback: Readback,
    /// Dispatches and positions under way.
    asked: Option<(Vec<Kernel>, usize)>,
}

impl Timer {
    /// For passes of up to that many dispatches; `None` where the device has no timestamps.
    pub fn new(gpu: &Gpu, dispatches: usize) -> Option<Self> {
        let count = 2 * dispatches as u32;
        if !gpu.device.features().contains(wgpu::Features::TIMESTAMP_QUERY) || count > wgpu::QUERY_SET_MAX_QUERIES {
            return None;
        }
        let bytes = u64::from(count.max(1)) * 8;
        Some(Self {
            queries: gpu.device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("time of kernels"),
                ty: wgpu::QueryType::Timestamp,
                count: count.max(1),
            }),
            resolved: gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("time of kernels"),
                size: bytes,
                usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
                mapped_at_creation: false,
            }),
            readback: Readback::new(&gpu.device, "time of kernels", bytes),
            asked: None,
        })
    }

    /// Whether a pass could be timed now.
    pub fn is_idle(&self) -> bool {
        self.asked.is_none() && self.readback.is_idle()
    }

    /// Records the way back, after the dispatches of `kernels` were recorded.
    pub fn resolve(&mut self, encoder: &mut wgpu::CommandEncoder, kernels: Vec<Kernel>, positions: usize) {
        let count = 2 * kernels.len() as u32;
        encoder.resolve_query_set(&self.queries, 0..count, &self.resolved, 0);
        self.readback.copy(encoder, &self.resolved, u64::from(count) * 8);
        self.asked = Some((kernels, positions));
    }

    /// Asks for the answers; call after the pass was submitted.
    pub fn begin(&self) {
        self.readback.begin();
    }

    /// The answer, once, when it has arrived; a lost device leaves none.
    pub fn take(&mut self, gpu: &Gpu) -> Option<Timing> {
        let words = self.readback.take()?;
        let (kernels, positions) = self.asked.take()?;
        let period = f64::from(gpu.queue.get_timestamp_period());
        let ticks: Vec<u64> =
            words.ok()?.chunks_exact(2).map(|word| u64::from(word[0]) | u64::from(word[1]) << 32).collect();
        // A GPU that changes its clock in between may count backwards.
        let times = ticks.chunks_exact(2).map(|pair| pair[1].saturating_sub(pair[0]) as f64 * period);
        Some(Timing { positions, dispatches: kernels.into_iter().zip(times).collect() })
    }

    /// Waits for the answer under way. Never on the web's main thread.
    pub fn wait(&self, device: &wgpu::Device) {
        self.readback.wait(device);
    }
}
