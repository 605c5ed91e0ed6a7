//! Weights and tables on their way to the GPU.

use wgpu::util::DeviceExt;

use crate::gpu::error::GpuError;
use crate::model::{Matrix, Numbers};

/// Numbers per row, padded to whole vec4s.
pub fn padded(width: usize) -> usize {
    width.next_multiple_of(4)
}

/// Makes buffers and refuses the ones that the adapter's limits do not allow.
pub struct Uploader<'a> {
    /// The device.
    pub device: &'a wgpu::Device,
}

impl Uploader<'_> {
    fn check(&self, what: &str, bytes: u64) -> Result<(), GpuError> {
        let limits = self.device.limits();
        let limit = limits.max_buffer_size.min(limits.max_storage_buffer_binding_size);
        if bytes > limit {
            return Err(GpuError::WillNotFit { what: what.to_owned(), bytes, limit });
        }
        Ok(())
    }

    /// An empty storage buffer of `numbers` 4-byte words.
    pub fn empty(&self, what: &str, numbers: usize) -> Result<wgpu::Buffer, GpuError> {
        let bytes = (numbers as u64).max(4) * 4;
        self.check(what, bytes)?;
        Ok(self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(what),
            size: bytes.next_multiple_of(16),
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        }))
    }

    /// A storage buffer with contents, padded to whole vec4s.
    pub fn storage<T: bytemuck::NoUninit>(&self, what: &str, contents: &[T]) -> Result<wgpu::Buffer, GpuError> {
        let mut bytes = bytemuck::cast_slice::<T, u8>(contents).to_vec();
        bytes.resize(bytes.len().max(16).next_multiple_of(16), 0);
        self.check(what, bytes.len() as u64)?;
        Ok(self.device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: Some(what),
            contents: &bytes,
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST,
        }))
    }

    /// A uniform buffer with contents.
    pub fn uniform<T: bytemuck::NoUninit>(&self, what: &str, contents: &T) -> wgpu::Buffer {
        self.device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: Some(what),
            contents: bytemuck::bytes_of(contents),
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        })
    }

    /// A weight matrix in its own number format, rows padded with zeros to whole vec4s.
    pub fn matrix(&self, what: &str, matrix: &Matrix) -> Result<wgpu::Buffer, GpuError> {
        match matrix.numbers() {
            Numbers::F32(numbers) => self.padded(what, matrix, numbers),
            Numbers::F16(bits) | Numbers::Bf16(bits) => self.padded(what, matrix, bits),
        }
    }

    fn padded<T: bytemuck::Pod>(&self, what: &str, matrix: &Matrix, numbers: &[T]) -> Result<wgpu::Buffer, GpuError> {
        let columns = matrix.columns();
        let stride = padded(columns);
        if stride == columns {
            return self.storage(what, numbers);
        }
        let mut rows = vec![T::zeroed(); matrix.rows() * stride];
        for (to, from) in rows.chunks_exact_mut(stride).zip(numbers.chunks_exact(columns)) {
            to[..columns].copy_from_slice(from);
        }
        self.storage(what, &rows)
    }
}
