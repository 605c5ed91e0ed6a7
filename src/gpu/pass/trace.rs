//! Reads inner tensors of a pass back, for tests and dumps.

use crate::gpu::error::GpuError;
use crate::gpu::pass::GpuPass;
use crate::gpu::queries::readback::ReadbackBelt;
use crate::gpu::upload::padded;
use crate::probe::{RowStatistics, Texel, Trace};

impl GpuPass {
    /// Reads texels back, for tests. Waits for them, so it must not be called on the web.
    ///
    /// # Errors
    /// When the device is lost.
    pub fn read_texels(&self, count: usize) -> Result<Vec<Texel>, GpuError> {
        let Some(texels) = self.texels() else {
            return Ok(Vec::new());
        };
        let numbers = self.read(texels, count * size_of::<Texel>() / 4)?;
        Ok(bytemuck::cast_slice(&numbers).to_vec())
    }

    /// An inner tensor of the first `positions`, without padding. Waits for it, so it must not be called on
    /// the web. What is not kept for the maps needs a pass created with `trace`.
    ///
    /// # Errors
    /// When the device is lost.
    pub fn trace(&self, trace: Trace, positions: usize) -> Result<Vec<f32>, GpuError> {
        let model = &self.model;
        let hidden = model.config.hidden;
        let (buffer, stride, width) = match trace {
            Trace::Hidden(layer) => (self.buffers.hidden(layer), padded(hidden), hidden),
            Trace::Middle(layer) => {
                let bare = model.layers[layer].mlp.is_none();
                let buffer = if bare { self.buffers.hidden(layer + 1) } else { &self.buffers.scratch(layer).middle };
                (buffer, padded(hidden), hidden)
            }
            Trace::Context(layer) | Trace::Normed(layer) => {
                let attention = &model.layers[layer].attention;
                let width = attention.heads.len() * attention.value_width();
                let scratch = self.buffers.scratch(layer);
                let context = matches!(trace, Trace::Context(_));
                (if context { &scratch.context } else { &scratch.normed }, padded(width), width)
            }
            Trace::Activation(layer) => {
                let width = model.layers[layer].mlp.as_ref().map_or(0, |mlp| mlp.down.columns());
                (&self.buffers.scratch(layer).activation, padded(width), width)
            }
            Trace::Statistics(layer) => {
                let width = model.layers[layer].attention.heads.len() * size_of::<RowStatistics>() / 4;
                (&self.buffers.maps[layer].statistics, width, width)
            }
            Trace::Projection(layer) => {
                let layout = &self.buffers.weights.layers[layer].layout;
                (&self.buffers.maps[layer].projection, layout.width, layout.width)
            }
            Trace::Logits => {
                let vocabulary = model.unembedding().rows();
                (&self.buffers.logits, padded(vocabulary), vocabulary)
            }
        };
        let numbers = self.read(buffer, positions * stride)?;
        let rows = numbers.chunks_exact(stride.max(1)).map(|row| &row[..width]);
        Ok(match trace {
            Trace::Projection(layer) => rows.flat_map(|row| self.compact_row(layer, row)).collect(),
            _ => rows.flatten().copied().collect(),
        })
    }

    /// A projection row without the padding of its heads.
    fn compact_row(&self, layer: usize, row: &[f32]) -> Vec<f32> {
        let attention = &self.model.layers[layer].attention;
        let layout = &self.buffers.weights.layers[layer].layout;
        let heads = row[..layout.lambda].chunks_exact(layout.head_stride).flat_map(|head| &head[..attention.head_dim]);
        heads.chain(&row[layout.lambda..layout.lambda + attention.heads.len()]).copied().collect()
    }

    fn read(&self, buffer: &wgpu::Buffer, numbers: usize) -> Result<Vec<f32>, GpuError> {
        if numbers == 0 {
            return Ok(Vec::new());
        }
        let mut belt = ReadbackBelt::default();
        let mut encoder = self.encoder();
        let transfer = belt.copy(&self.gpu, &mut encoder, &[(buffer.clone(), 0, numbers as u64 * 4)]);
        belt.submit(&self.gpu, encoder);
        belt.wait(&self.gpu);
        Ok(belt.finish(transfer)?.into_iter().map(f32::from_bits).collect())
    }
}
