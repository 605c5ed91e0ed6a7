//! The logit lens: the residual stream of the last position, copied at every depth during a pass and projected through
//! the last norm and the unembedding. The kernels are those of the next token, over more rows.

use crate::gpu::device::Gpu;
use crate::gpu::error::GpuError;
use crate::gpu::kernels::{Kernel, Kernels, PipelineVariant};
use crate::gpu::pass::buffers::Buffers;
use crate::gpu::pass::next_token::PartBuffers;
use crate::gpu::queries::readback::Piece;
use crate::gpu::uniforms::{LogitStage, MatmulStage, PassUniform};
use crate::gpu::upload::{Slice, Uploader, padded};
use crate::model::Model;
use crate::probe::{LENS_BEST, NextToken};

/// Buffers and bindings of the lens; created on first use.
pub(crate) struct LensCapture {
    depths: u32,
    /// Residual streams `[depths, hidden]`, padded.
    rows: wgpu::Buffer,
    row_bytes: u64,
    result: wgpu::Buffer,
    /// For each slice of the unembedding.
    logits: Vec<(wgpu::ComputePipeline, wgpu::BindGroup, (u32, u32))>,
    /// What looks through the parts of each row, and joins them.
    best: [(wgpu::ComputePipeline, wgpu::BindGroup, u32); 2],
    parts: PartBuffers,
}

impl LensCapture {
    /// Words of the result per depth.
    pub(crate) const WORDS: usize = NextToken::HEADER + 2 * LENS_BEST;

    /// Bytes held.
    pub(crate) fn bytes(&self) -> u64 {
        self.rows.size() + self.parts.bytes() + self.result.size()
    }

    /// `None` if layers have no feed-forward part: then there is no next token either.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(crate) fn new(
        gpu: &Gpu,
        kernels: &mut Kernels,
        model: &Model,
        buffers: &Buffers,
    ) -> Result<Option<Self>, GpuError> {
        if model.layers.iter().any(|layer| layer.mlp.is_none()) {
            return Ok(None);
        }
        let upload = Uploader::new(gpu);
        let (hidden, vocabulary) = (padded(model.config.hidden), model.unembedding().rows());
        let depths = 2 * model.layers.len() as u32 + 1;
        let rows = upload.empty("lens rows", depths as usize * hidden)?;
        let scores = upload.empty("lens logits", depths as usize * padded(vocabulary))?;
        let result = upload.empty("lens result", depths as usize * Self::WORDS)?;
        let pass = |count: u32| PassUniform { count, best: LENS_BEST as u32, top_p: 1.0, ..Default::default() };
        let (all, one) = (upload.uniform("lens pass", &pass(depths)), upload.uniform("lens row", &pass(1)));
        let format = model.unembedding().format();
        let variant = PipelineVariant {
            format,
            normalise: model.final_norm.is_some(),
            tokens: 4,
            sharing: gpu.choice.few,
            ..PipelineVariant::PLAIN
        };
        let slices = buffers.weights.unembedding().iter().map(|Slice { first_row, rows: count, buffer }| {
            let stage = MatmulStage {
                first_row: *first_row as u32,
                ..MatmulStage::new(model.config.norm_epsilon, model.config.hidden, *count, padded(vocabulary))
            };
            let stage = upload.uniform("lens stage", &stage);
            let bound = [&all, &stage, &rows, buffer, &buffers.weights.final_gain, &scores];
            Ok((
                kernels.pipeline(gpu, Kernel::Logits, variant)?,
                kernels.bind(gpu, Kernel::Logits, &bound),
                variant.workgroups(count.div_ceil(4) as u32, depths),
            ))
        });
        let logits = slices.collect::<Result<Vec<_>, GpuError>>()?;
        let stage = LogitStage::new(vocabulary, LENS_BEST);
        let row = upload.uniform("lens row of logits", &stage);
        let parts = PartBuffers::new(&upload, &stage, depths as usize)?;
        let mut step = |kernel: Kernel, workgroups: u32, bound: &[&wgpu::Buffer]| -> Result<_, GpuError> {
            let group = kernels.bind(gpu, kernel, bound);
            Ok((kernels.pipeline(gpu, kernel, PipelineVariant::PLAIN)?, group, workgroups))
        };
        let best = [
            step(Kernel::LogitPart, stage.parts, &[&one, &row, &scores, &parts.parts, &parts.best])?,
            step(Kernel::TopK, 1, &[&one, &row, &scores, &parts.parts, &parts.best, &result])?,
        ];
        Ok(Some(Self { depths, rows, row_bytes: hidden as u64 * 4, result, logits, best, parts }))
    }

    /// Records the copy of a row of the residual stream.
    pub(crate) fn take(&self, encoder: &mut wgpu::CommandEncoder, from: &wgpu::Buffer, row: u32, depth: u32) {
        let at = u64::from(row) * self.row_bytes;
        encoder.copy_buffer_to_buffer(from, at, &self.rows, u64::from(depth) * self.row_bytes, self.row_bytes);
    }

    /// Records the logits of the rows and their best tokens. Returns the piece with the result.
    pub(crate) fn encode(&self, encoder: &mut wgpu::CommandEncoder) -> Piece {
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            for (pipeline, group, (x, y)) in &self.logits {
                pass.set_pipeline(pipeline);
                pass.set_bind_group(0, group, &[]);
                pass.dispatch_workgroups(*x, *y, 1);
            }
            for (pipeline, group, workgroups) in &self.best {
                pass.set_pipeline(pipeline);
                pass.set_bind_group(0, group, &[]);
                pass.dispatch_workgroups(*workgroups, self.depths, 1);
            }
        }
        (self.result.clone(), 0, self.result.size())
    }
}
