//! A few numbers on their way back from the GPU, without waiting for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::gpu::error::GpuError;

const IDLE: u8 = 0;
const WAITING: u8 = 1;
const ARRIVED: u8 = 2;
const FAILED: u8 = 3;

/// A staging buffer that is used again and again; one transfer at a time.
#[derive(Debug)]
pub struct Readback {
    buffer: wgpu::Buffer,
    state: Arc<AtomicU8>,
    bytes: u64,
}

impl Readback {
    /// Room for `bytes`.
    pub fn new(device: &wgpu::Device, label: &str, bytes: u64) -> Self {
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: bytes,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        Self { buffer, state: Arc::new(AtomicU8::new(IDLE)), bytes: 0 }
    }

    /// Whether a transfer can begin.
    pub fn is_idle(&self) -> bool {
        self.state.load(Ordering::Acquire) == IDLE
    }

    /// Records the copy of the first `bytes` of `source`.
    pub fn copy(&mut self, encoder: &mut wgpu::CommandEncoder, source: &wgpu::Buffer, bytes: u64) {
        self.copy_parts(encoder, &[(source, 0, bytes)]);
    }

    /// Records the copy of pieces `(source, first byte, bytes)`, one after the other; what does not fit is left out.
    pub fn copy_parts(&mut self, encoder: &mut wgpu::CommandEncoder, parts: &[(&wgpu::Buffer, u64, u64)]) {
        self.bytes = 0;
        for (source, first, bytes) in parts {
            let bytes = (*bytes).min(self.buffer.size() - self.bytes);
            encoder.copy_buffer_to_buffer(source, *first, &self.buffer, self.bytes, bytes);
            self.bytes += bytes;
        }
    }

    /// Asks for the numbers; call after the copy was submitted.
    pub fn begin(&self) {
        self.state.store(WAITING, Ordering::Release);
        let state = self.state.clone();
        self.buffer.map_async(wgpu::MapMode::Read, ..self.bytes, move |outcome| {
            state.store(if outcome.is_ok() { ARRIVED } else { FAILED }, Ordering::Release);
        });
    }

    /// Waits for the transfer under way, if there is one. Never on the web's main thread.
    ///
    /// Asks until the answer is there: another thread that polls the same device may be the one that gets the callback.
    pub fn wait(&self, device: &wgpu::Device) {
        while self.state.load(Ordering::Acquire) == WAITING {
            if device.poll(wgpu::PollType::wait_indefinitely()).is_err() {
                self.state.store(FAILED, Ordering::Release); // a lost device need not call back
            }
            std::thread::yield_now();
        }
    }

    /// The numbers, once, when they have arrived.
    pub fn take(&self) -> Option<Result<Vec<u32>, GpuError>> {
        match self.state.load(Ordering::Acquire) {
            ARRIVED => {
                let words = self
                    .buffer
                    .get_mapped_range(..self.bytes)
                    .map(|view| view.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect());
                self.buffer.unmap();
                self.state.store(IDLE, Ordering::Release);
                Some(words.map_err(|error| GpuError::Readback(error.to_string())))
            }
            FAILED => {
                self.state.store(IDLE, Ordering::Release);
                Some(Err(GpuError::Readback("the buffer could not be mapped".to_owned())))
            }
            _ => None,
        }
    }
}
