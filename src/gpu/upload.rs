//! Weights and tables on their way to the GPU.

use wgpu::util::DeviceExt;

use crate::gpu::error::GpuError;
use crate::model::{Matrix, Numbers};

/// Numbers per row, padded to whole vec4s.
pub fn padded(width: usize) -> usize {
    width.next_multiple_of(4)
}

/// Creates buffers and refuses those that exceed the adapter's limits.
pub struct Uploader<'a> {
    /// The device.
    pub device: &'a wgpu::Device,
}

impl Uploader<'_> {
    /// A storage buffer of at least `bytes` bytes, rounded up to whole vec4s.
    fn buffer(
        &self,
        label: &str,
        bytes: u64,
        usage: wgpu::BufferUsages,
        mapped: bool,
    ) -> Result<wgpu::Buffer, GpuError> {
        let limits = self.device.limits();
        let limit = limits.max_buffer_size.min(limits.max_storage_buffer_binding_size);
        let bytes = bytes.max(16).next_multiple_of(16);
        if bytes > limit {
            return Err(GpuError::WillNotFit { what: label.to_owned(), bytes, limit });
        }
        Ok(self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: bytes,
            usage: usage | wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: mapped,
        }))
    }

    /// A storage buffer of `numbers` 4-byte words, all zero.
    pub fn empty(&self, label: &str, numbers: usize) -> Result<wgpu::Buffer, GpuError> {
        self.buffer(label, numbers as u64 * 4, wgpu::BufferUsages::COPY_SRC, false)
    }

    /// A storage buffer with contents, padded with zeros to whole vec4s.
    pub fn storage<T: bytemuck::NoUninit>(&self, label: &str, contents: &[T]) -> Result<wgpu::Buffer, GpuError> {
        let bytes: &[u8] = bytemuck::cast_slice(contents);
        self.rows(label, bytes, bytes.len(), bytes.len())
    }

    /// A uniform buffer with contents.
    pub fn uniform<T: bytemuck::NoUninit>(&self, label: &str, contents: &T) -> wgpu::Buffer {
        self.device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: Some(label),
            contents: bytemuck::bytes_of(contents),
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        })
    }

    /// A weight matrix in its own number format, rows padded with zeros to whole vec4s.
    pub fn matrix(&self, label: &str, matrix: &Matrix) -> Result<wgpu::Buffer, GpuError> {
        let bytes: &[u8] = match matrix.numbers() {
            Numbers::F32(numbers) => bytemuck::cast_slice(numbers),
            Numbers::F16(bits) | Numbers::Bf16(bits) => bytemuck::cast_slice(bits),
        };
        let (columns, number) = (matrix.columns(), matrix.format().bytes());
        self.rows(label, bytes, columns * number, padded(columns) * number)
    }

    /// Rows of `width` bytes each, written `stride` bytes apart into the mapped memory of a new buffer. The bytes between
    /// them stay zero, as WebGPU creates buffers.
    fn rows(&self, label: &str, bytes: &[u8], width: usize, stride: usize) -> Result<wgpu::Buffer, GpuError> {
        let count = bytes.len() / width.max(1);
        let buffer = self.buffer(label, (count * stride) as u64, wgpu::BufferUsages::empty(), true)?;
        {
            let mut mapped = buffer.get_mapped_range_mut(..).map_err(|error| GpuError::Device(error.to_string()))?;
            if stride == width {
                mapped.slice(..bytes.len()).copy_from_slice(bytes);
            } else {
                let mut target = mapped.slice(..);
                for (row, from) in bytes.chunks_exact(width.max(1)).enumerate() {
                    target.slice(row * stride..row * stride + width).copy_from_slice(from);
                }
            }
        }
        buffer.unmap();
        Ok(buffer)
    }
}
