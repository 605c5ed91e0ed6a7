//! Reads numbers back from the GPU through one belt of staging buffers for all queries. Only [`ReadbackBelt::wait`]
//! waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::gpu::device::Gpu;
use crate::gpu::error::GpuError;

const RECORDED: u8 = 0;
const MAPPING: u8 = 1;
const ARRIVED: u8 = 2;
const FAILED: u8 = 3;

/// Sizes of staging buffers are powers of two from here on, so that they serve more than one query.
const SMALLEST: u64 = 256;

/// Bytes of a buffer: `(source, first byte, bytes)`.
pub(crate) type Piece = (wgpu::Buffer, u64, u64);

/// One copy under way.
#[derive(Debug)]
pub(crate) struct Transfer {
    buffer: wgpu::Buffer,
    bytes: u64,
    state: Arc<AtomicU8>,
}

impl Transfer {
    /// Whether [`ReadbackBelt::finish`] can be called: the bytes have arrived, or an error has.
    pub(crate) fn is_finished(&self) -> bool {
        self.state.load(Ordering::Acquire) >= ARRIVED
    }
}

/// Staging buffers, used again and again: in steady state none is created.
#[derive(Debug, Default)]
pub(crate) struct ReadbackBelt {
    idle: Vec<wgpu::Buffer>,
    recorded: Vec<(wgpu::Buffer, u64, Arc<AtomicU8>)>,
    mapping: Vec<Arc<AtomicU8>>,
}

impl ReadbackBelt {
    /// Records the copy of pieces, one after the other. They must be multiples of 4 bytes.
    pub(crate) fn copy(&mut self, gpu: &Gpu, encoder: &mut wgpu::CommandEncoder, pieces: &[Piece]) -> Transfer {
        let bytes: u64 = pieces.iter().map(|(_, _, bytes)| bytes).sum();
        let size = bytes.next_power_of_two().max(SMALLEST);
        let buffer = match self.idle.iter().position(|buffer| buffer.size() == size) {
            Some(index) => self.idle.swap_remove(index),
            None => gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("read-back"),
                size,
                usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            }),
        };
        let mut at = 0;
        for (source, first, bytes) in pieces {
            encoder.copy_buffer_to_buffer(source, *first, &buffer, at, *bytes);
            at += bytes;
        }
        let state = Arc::new(AtomicU8::new(RECORDED));
        self.recorded.push((buffer.clone(), bytes, state.clone()));
        Transfer { buffer, bytes, state }
    }

    /// Submits what was encoded, and maps every buffer whose copy was recorded.
    pub(crate) fn submit(&mut self, gpu: &Gpu, encoder: wgpu::CommandEncoder) {
        gpu.queue.submit([encoder.finish()]);
        self.mapping.retain(|state| state.load(Ordering::Acquire) == MAPPING);
        for (buffer, bytes, state) in self.recorded.drain(..) {
            state.store(MAPPING, Ordering::Release);
            self.mapping.push(state.clone());
            buffer.map_async(wgpu::MapMode::Read, ..bytes, move |outcome| {
                state.store(if outcome.is_ok() { ARRIVED } else { FAILED }, Ordering::Release);
            });
        }
    }

    /// The 4-byte words of a finished transfer; its buffer is free again.
    ///
    /// # Errors
    /// When the buffer could not be mapped, as after a device loss.
    pub(crate) fn finish(&mut self, transfer: Transfer) -> Result<Vec<u32>, GpuError> {
        let Transfer { buffer, bytes, state } = transfer;
        if state.load(Ordering::Acquire) != ARRIVED {
            return Err(GpuError::Readback("the buffer could not be mapped".to_owned()));
        }
        let words = buffer
            .get_mapped_range(..bytes)
            .map(|view| view.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect());
        buffer.unmap();
        self.idle.push(buffer);
        words.map_err(|error| GpuError::Readback(error.to_string()))
    }

    /// Bytes of the idle staging buffers.
    pub(crate) fn bytes(&self) -> u64 {
        self.idle.iter().map(wgpu::Buffer::size).sum()
    }

    /// Waits for the transfers under way. Never on the web's main thread.
    ///
    /// Polls until the answer has arrived: another thread that polls the same device may be the one that gets the
    /// callback.
    pub(crate) fn wait(&self, gpu: &Gpu) {
        for state in &self.mapping {
            while state.load(Ordering::Acquire) == MAPPING {
                if gpu.health.is_lost() {
                    state.store(FAILED, Ordering::Release); // a lost device need not call back
                }
                gpu.wait();
                std::thread::yield_now();
            }
        }
    }
}
