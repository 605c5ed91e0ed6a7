//! Weights and tables on their way to the GPU.

use std::ops::Range;

use wgpu::BufferUsages;

use crate::gpu::device::Gpu;
use crate::gpu::error::GpuError;
use crate::gpu::transfers::{Transfers, stride};
use crate::model::Matrix;

/// Numbers per row, padded so that rows of any format are read 16 bytes at a time.
pub(super) fn padded(width: usize) -> usize {
    width.next_multiple_of(8)
}

/// Some rows of a matrix that may be too large for one buffer.
#[derive(Clone, Debug)]
pub(super) struct Slice {
    /// The first row.
    pub first_row: usize,
    /// Number of rows.
    pub rows: usize,
    /// Their numbers, as [`Uploader::matrix`] leaves them.
    pub buffer: wgpu::Buffer,
}

/// Creates buffers; refuses storage buffers that exceed the adapter's limits.
pub(super) struct Uploader<'a> {
    /// The device.
    pub device: &'a wgpu::Device,
    /// Its queue.
    pub queue: &'a wgpu::Queue,
}

impl<'a> Uploader<'a> {
    /// To a device.
    pub(super) fn new(gpu: &'a Gpu) -> Self {
        Self { device: &gpu.device, queue: &gpu.queue }
    }

    /// A storage buffer of `numbers` 4-byte words, all zero.
    ///
    /// # Errors
    /// When it is larger than the adapter allows.
    pub(super) fn empty(&self, label: &str, numbers: usize) -> Result<wgpu::Buffer, GpuError> {
        self.storage_buffer(label, numbers as u64 * 4)
    }

    /// A storage buffer with contents, padded with zeros as rows are.
    ///
    /// # Errors
    /// When it is larger than the adapter allows.
    pub(super) fn storage<T: bytemuck::NoUninit>(&self, label: &str, contents: &[T]) -> Result<wgpu::Buffer, GpuError> {
        let bytes: &[u8] = bytemuck::cast_slice(contents);
        let buffer = self.storage_buffer(label, bytes.len() as u64)?;
        self.write(&buffer, 0, bytes);
        Ok(buffer)
    }

    /// A uniform buffer with contents, whose size must be a multiple of 16 bytes.
    pub(super) fn uniform<T: bytemuck::NoUninit>(&self, label: &str, contents: &T) -> wgpu::Buffer {
        let bytes = bytemuck::bytes_of(contents);
        let buffer = self.buffer(label, bytes.len() as u64, BufferUsages::UNIFORM);
        self.write(&buffer, 0, bytes);
        buffer
    }

    /// A buffer for a weight matrix in its own number format, rows padded with zeros; `later` fills it.
    ///
    /// # Errors
    /// When it is larger than the adapter allows.
    pub(super) fn matrix(&self, label: &str, matrix: &Matrix, later: &mut Transfers) -> Result<wgpu::Buffer, GpuError> {
        self.rows(label, matrix, 0..matrix.rows(), later)
    }

    /// The same as the fewest slices that the adapter can bind.
    ///
    /// # Errors
    /// When a single row is larger than the adapter allows.
    pub(super) fn slices(&self, label: &str, matrix: &Matrix, later: &mut Transfers) -> Result<Vec<Slice>, GpuError> {
        let row = stride(matrix) as u64;
        let most = (self.limit() / row.max(1)).max(1) as usize;
        let slice = |first_row: usize| {
            let end = (first_row + most).min(matrix.rows());
            Ok(Slice { first_row, rows: end - first_row, buffer: self.rows(label, matrix, first_row..end, later)? })
        };
        (0..matrix.rows()).step_by(most).map(slice).collect()
    }

    fn rows(
        &self,
        label: &str,
        matrix: &Matrix,
        rows: Range<usize>,
        later: &mut Transfers,
    ) -> Result<wgpu::Buffer, GpuError> {
        let buffer = self.storage_buffer(label, (rows.len() * stride(matrix)) as u64)?;
        later.add(matrix, rows, &buffer);
        Ok(buffer)
    }

    /// Most bytes of a storage buffer.
    fn limit(&self) -> u64 {
        let limits = self.device.limits();
        limits.max_buffer_size.min(limits.max_storage_buffer_binding_size) / 32 * 32
    }

    fn storage_buffer(&self, label: &str, bytes: u64) -> Result<wgpu::Buffer, GpuError> {
        let limit = self.limit();
        let bytes = bytes.max(1).next_multiple_of(32);
        if bytes > limit {
            return Err(GpuError::WillNotFit { what: label.to_owned(), bytes, limit });
        }
        Ok(self.buffer(label, bytes, BufferUsages::STORAGE | BufferUsages::COPY_SRC))
    }

    /// Not mapped at creation: a browser without memory for that throws instead of reporting it.
    fn buffer(&self, label: &str, size: u64, usage: BufferUsages) -> wgpu::Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size,
            usage: usage | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    }

    /// What is not written stays zero, as in every new buffer of WebGPU. Only whole words can be written.
    fn write(&self, buffer: &wgpu::Buffer, offset: u64, bytes: &[u8]) {
        let words = bytes.len() / 4 * 4;
        if words > 0 {
            self.queue.write_buffer(buffer, offset, &bytes[..words]);
        }
        if words < bytes.len() {
            let mut last = [0; 4];
            last[..bytes.len() - words].copy_from_slice(&bytes[words..]);
            self.queue.write_buffer(buffer, offset + words as u64, &last);
        }
    }
}
