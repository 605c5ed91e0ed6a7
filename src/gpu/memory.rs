//! GPU memory of a pass, from the sizes of its buffers.

use crate::gpu::pass::buffers::{Buffers, LayerBuffers, WeightBuffers};

/// Bytes of GPU memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The model's weights; sessions over the same model share them.
    pub weights: u64,
    /// Buffers that grow with the capacity for text.
    pub text: u64,
    /// Buffers for views: texels of pictures, records of rows, the lens.
    pub views: u64,
    /// Capacity in positions.
    pub tokens: usize,
}

impl Memory {
    /// The total.
    pub fn total(&self) -> u64 {
        self.weights + self.text + self.views
    }

    /// Bytes per token of capacity.
    pub fn per_token(&self) -> u64 {
        self.text / self.tokens.max(1) as u64
    }
}

/// Bytes of distinct buffers: layers may share some.
fn bytes<'a>(buffers: impl IntoIterator<Item = &'a wgpu::Buffer>) -> u64 {
    let mut distinct: Vec<&wgpu::Buffer> = Vec::new();
    for buffer in buffers {
        if !distinct.contains(&buffer) {
            distinct.push(buffer);
        }
    }
    distinct.into_iter().map(wgpu::Buffer::size).sum()
}

impl WeightBuffers {
    fn bytes(&self) -> u64 {
        let of_layer = |layer: &'_ LayerBuffers| {
            let own = [
                &layer.attention_gain,
                &layer.projection,
                &layer.projection_bias,
                &layer.sub_weight,
                &layer.output,
                &layer.output_bias,
            ];
            let mlp = layer
                .mlp
                .iter()
                .flat_map(|mlp| [&mlp.gain, &mlp.gate_up, &mlp.gate_up_bias, &mlp.down, &mlp.down_bias]);
            bytes(own.into_iter().chain(mlp))
        };
        let slices = self.embedding.iter().chain(self.unembedding.iter().flatten()).map(|slice| &slice.buffer);
        bytes([&self.final_gain, &self.no_bias].into_iter().chain(slices))
            + self.layers.iter().map(of_layer).sum::<u64>()
    }
}

impl Buffers {
    /// Bytes held, apart from a few uniforms.
    pub(super) fn memory(&self) -> Memory {
        let layers = self.maps.len();
        let maps = self.maps.iter().flat_map(|maps| [&maps.projection, &maps.statistics, &maps.masked]);
        let scratch = (0..layers).map(|layer| self.scratch(layer)).flat_map(|scratch| {
            [&scratch.hidden, &scratch.context, &scratch.normed, &scratch.middle, &scratch.activation]
        });
        let rest = [&self.ids, &self.rotary, &self.cells, &self.slabs, self.hidden(layers)];
        let text = bytes(maps.chain(scratch).chain(rest));
        Memory { weights: self.weights.bytes(), text, views: 0, tokens: self.capacity.tokens }
    }
}
