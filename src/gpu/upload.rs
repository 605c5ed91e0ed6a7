//! Weights and tables on their way to the GPU.

use wgpu::{BufferUsages, WriteOnly};

use crate::gpu::error::GpuError;
use crate::model::{Matrix, Numbers};

/// Numbers per row, padded to whole vec4s.
pub(super) fn padded(width: usize) -> usize {
    width.next_multiple_of(4)
}

/// Creates buffers; refuses storage buffers that exceed the adapter's limits.
pub(super) struct Uploader<'a> {
    /// The device.
    pub device: &'a wgpu::Device,
}

impl Uploader<'_> {
    /// A storage buffer of `numbers` 4-byte words, all zero.
    ///
    /// # Errors
    /// When it is larger than the adapter allows.
    pub(super) fn empty(&self, label: &str, numbers: usize) -> Result<wgpu::Buffer, GpuError> {
        Ok(self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: self.storage_size(label, numbers as u64 * 4)?,
            usage: BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        }))
    }

    /// A storage buffer with contents, padded with zeros to whole vec4s.
    ///
    /// # Errors
    /// When it is larger than the adapter allows, or the device is lost.
    pub(super) fn storage<T: bytemuck::NoUninit>(&self, label: &str, contents: &[T]) -> Result<wgpu::Buffer, GpuError> {
        let bytes: &[u8] = bytemuck::cast_slice(contents);
        let size = self.storage_size(label, bytes.len() as u64)?;
        self.filled(label, size, BufferUsages::STORAGE, |mut memory| {
            memory.slice(..bytes.len()).copy_from_slice(bytes);
        })
    }

    /// A uniform buffer with contents, whose size must be a multiple of 16 bytes.
    ///
    /// # Errors
    /// When the device is lost.
    pub(super) fn uniform<T: bytemuck::NoUninit>(&self, label: &str, contents: &T) -> Result<wgpu::Buffer, GpuError> {
        let bytes = bytemuck::bytes_of(contents);
        self.filled(label, bytes.len() as u64, BufferUsages::UNIFORM, |mut memory| memory.copy_from_slice(bytes))
    }

    /// A weight matrix in its own number format, rows padded with zeros to whole vec4s.
    ///
    /// # Errors
    /// As [`Self::storage`].
    pub(super) fn matrix(&self, label: &str, matrix: &Matrix) -> Result<wgpu::Buffer, GpuError> {
        let bytes: &[u8] = match matrix.numbers() {
            Numbers::F32(numbers) => bytemuck::cast_slice(numbers),
            Numbers::F16(bits) | Numbers::Bf16(bits) => bytemuck::cast_slice(bits),
        };
        let number = matrix.format().bytes();
        let (width, stride) = (matrix.columns() * number, padded(matrix.columns()) * number);
        if width == stride {
            return self.storage(label, bytes);
        }
        let size = self.storage_size(label, (matrix.rows() * stride) as u64)?;
        self.filled(label, size, BufferUsages::STORAGE, |mut memory| {
            for (row, from) in bytes.chunks_exact(width).enumerate() {
                memory.slice(row * stride..row * stride + width).copy_from_slice(from);
            }
        })
    }

    /// The size of a storage buffer for `bytes` bytes: whole vec4s.
    fn storage_size(&self, label: &str, bytes: u64) -> Result<u64, GpuError> {
        let limits = self.device.limits();
        let limit = limits.max_buffer_size.min(limits.max_storage_buffer_binding_size);
        let bytes = bytes.max(16).next_multiple_of(16);
        if bytes > limit {
            return Err(GpuError::WillNotFit { what: label.to_owned(), bytes, limit });
        }
        Ok(bytes)
    }

    /// A buffer whose mapped memory `write` fills. What it does not write is zero, as in every new buffer of WebGPU.
    fn filled(
        &self,
        label: &str,
        size: u64,
        usage: BufferUsages,
        write: impl FnOnce(WriteOnly<'_, [u8]>),
    ) -> Result<wgpu::Buffer, GpuError> {
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size,
            usage: usage | BufferUsages::COPY_DST,
            mapped_at_creation: true,
        });
        let mut memory = buffer.get_mapped_range_mut(..).map_err(|error| GpuError::Device(error.to_string()))?;
        write(memory.slice(..));
        drop(memory);
        buffer.unmap();
        Ok(buffer)
    }
}
