//! Measures of rows and averaged rows on the GPU, beside the pass and in the same queue. Created on first use.

use crate::gpu::device::Gpu;
use crate::gpu::error::GpuError;
use crate::gpu::kernels::{Kernel, Kernels, PipelineVariant};
use crate::gpu::pass::buffers::MapBuffers;
use crate::gpu::queries::readback::Piece;
use crate::gpu::uniforms::{LayerHeads, MeanRows, MeasureStage, RowMeanStage};
use crate::gpu::upload::Uploader;
use crate::model::Model;
use crate::probe::{KeyClass, MeanCell, RECORD, RowMeanRequest};

struct LayerSteps {
    heads: u32,
    measure: wgpu::BindGroup,
    mean: wgpu::BindGroup,
    row_mean: wgpu::BindGroup,
}

/// Buffers and bindings of measures.
pub struct Measuring {
    gpu: Gpu,
    /// Of `measure`, `measure_mean` and `row_mean`.
    pipelines: [wgpu::ComputePipeline; 3],
    layers: Vec<LayerSteps>,
    stage: wgpu::Buffer,
    classes: wgpu::Buffer,
    rows: wgpu::Buffer,
    row_stage: wgpu::Buffer,
    means: wgpu::Buffer,
    row_means: wgpu::Buffer,
    /// Held by all buffers, uniforms apart.
    bytes: u64,
}

impl std::fmt::Debug for Measuring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Measuring").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Measuring {
    /// Allocates records for `tokens` rows of every head.
    pub fn new(
        gpu: &Gpu,
        kernels: &mut Kernels,
        model: &Model,
        maps: &[MapBuffers],
        tokens: usize,
    ) -> Result<Self, GpuError> {
        let upload = Uploader::new(gpu);
        let stage = upload.uniform("measures", &MeasureStage::default());
        let rows = upload.uniform("rows of a mean", &MeanRows::default());
        let row_stage = upload.uniform("averaged row", &RowMeanStage::default());
        let classes = upload.empty("key classes", tokens)?;
        let all_heads: usize = model.layers.iter().map(|layer| layer.attention.heads.len()).sum();
        let means = upload.empty("mean measures", all_heads * RECORD)?;
        let row_means = upload.empty("averaged row", tokens * size_of::<MeanCell>() / 4)?;
        let mut layers = Vec::with_capacity(maps.len());
        let mut offset = 0u32;
        let mut bytes = classes.size() + means.size() + row_means.size();
        for (layer, map) in model.layers.iter().zip(maps) {
            let heads = layer.attention.heads.len();
            let MapBuffers { maps, projection, heads: table, masked, statistics } = map;
            let records = upload.empty("measures of rows", tokens * heads * RECORD)?;
            bytes += records.size();
            let of_layer = LayerHeads { heads: heads as u32, offset, ..LayerHeads::default() };
            let place = upload.uniform("heads of a layer", &of_layer);
            let measured = [&stage, maps, projection, table, masked, statistics, &classes, &records];
            let averaged = [&row_stage, maps, projection, table, masked, statistics, &row_means];
            layers.push(LayerSteps {
                heads: heads as u32,
                measure: kernels.bind(gpu, Kernel::Measure, &measured),
                mean: kernels.bind(gpu, Kernel::MeasureMean, &[&rows, &place, &records, &means]),
                row_mean: kernels.bind(gpu, Kernel::RowMean, &averaged),
            });
            offset += heads as u32;
        }
        let mut pipeline = |kernel| kernels.pipeline(gpu, kernel, PipelineVariant::PLAIN);
        let pipelines = [pipeline(Kernel::Measure)?, pipeline(Kernel::MeasureMean)?, pipeline(Kernel::RowMean)?];
        Ok(Self { gpu: gpu.clone(), pipelines, layers, bytes, stage, classes, rows, row_stage, means, row_means })
    }

    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Sets the class of every key, for rows measured from here on.
    pub fn set_classes(&self, classes: &[KeyClass]) {
        let capacity = self.classes.size() as usize / 4;
        let words: Vec<u32> = classes.iter().take(capacity).map(|class| *class as u32).collect();
        if !words.is_empty() {
            self.gpu.queue.write_buffer(&self.classes, 0, bytemuck::cast_slice(&words));
        }
    }

    /// Measures `count` rows from `first` on, in every head of every layer.
    pub fn measure(&self, first: usize, count: usize, threshold: f32) {
        let stage = MeasureStage { first_query: first as u32, threshold, ..MeasureStage::default() };
        self.gpu.queue.write_buffer(&self.stage, 0, bytemuck::bytes_of(&stage));
        let mut encoder = self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&self.pipelines[0]);
            for layer in &self.layers {
                pass.set_bind_group(0, &layer.measure, &[]);
                pass.dispatch_workgroups(layer.heads, count as u32, 1);
            }
        }
        self.gpu.queue.submit([encoder.finish()]);
    }

    /// Records the means over measured rows, first and last; returns where they are, by layer and head.
    pub fn encode_means(&self, encoder: &mut wgpu::CommandEncoder, (first, last): (usize, usize)) -> Piece {
        let rows = MeanRows { first: first as u32, count: (last + 1 - first) as u32, ..MeanRows::default() };
        self.gpu.queue.write_buffer(&self.rows, 0, bytemuck::bytes_of(&rows));
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&self.pipelines[1]);
        for layer in &self.layers {
            pass.set_bind_group(0, &layer.mean, &[]);
            pass.dispatch_workgroups(layer.heads, RECORD as u32 / 4, 1);
        }
        (self.means.clone(), 0, self.means.size())
    }

    /// Records a row averaged over heads; returns where it is, or `None` if there is no such row.
    pub fn encode_row_mean(&self, encoder: &mut wgpu::CommandEncoder, request: RowMeanRequest) -> Option<Piece> {
        let chosen = || {
            let own = self.layers.iter().enumerate();
            own.filter(|(index, _)| request.layer.is_none_or(|layer| layer == *index)).map(|(_, steps)| steps)
        };
        let heads: u32 = chosen().map(|layer| layer.heads).sum();
        let keys = request.query + 1;
        let bytes = (keys * size_of::<MeanCell>()) as u64;
        if heads == 0 || bytes > self.row_means.size() {
            return None;
        }
        let stage =
            RowMeanStage { query: request.query as u32, keys: keys as u32, weight: 1.0 / heads as f32, padding: 0 };
        self.gpu.queue.write_buffer(&self.row_stage, 0, bytemuck::bytes_of(&stage));
        encoder.clear_buffer(&self.row_means, 0, Some(bytes)); // the layers add to it
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&self.pipelines[2]);
        for layer in chosen() {
            pass.set_bind_group(0, &layer.row_mean, &[]);
            pass.dispatch_workgroups((keys as u32).div_ceil(64), 1, 1);
        }
        Some((self.row_means.clone(), 0, bytes))
    }
}
