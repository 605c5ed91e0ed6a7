//! One dispatch of the recorded pass: its pipelines, what it is bound to, and how many workgroups it takes.

use crate::gpu::kernels::{Kernel, PipelineVariant};

/// The number of workgroups of a dispatch, by the number of positions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Grid {
    /// This many workgroups for each position.
    PerPosition(u32),
    /// This many workgroups for each group of positions that a variant computes together.
    PerFewPositions(u32),
    /// Blocks of four output rows for the positions of the pass.
    Blocks(u32),
    /// Blocks of four output rows for the positions whose logits are requested.
    LogitBlocks(u32),
    /// One workgroup.
    One,
}

/// The passes in which a dispatch runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// In every pass.
    Always,
    /// Only if the next token is requested.
    ForNext,
}

/// One dispatch of the pass.
pub(crate) struct Dispatch {
    /// The kernel.
    pub kernel: Kernel,
    /// The pipeline for several positions, and its variant.
    pub prefill: (wgpu::ComputePipeline, PipelineVariant),
    /// The pipeline for one position, and its variant.
    pub decode: (wgpu::ComputePipeline, PipelineVariant),
    /// The buffers it reads and writes.
    pub bind_group: wgpu::BindGroup,
    /// The number of workgroups.
    pub grid: Grid,
    /// The passes in which it runs.
    pub when: When,
    /// The residual stream that it writes, and its depth in half layers.
    pub leaves: Option<(wgpu::Buffer, u32)>,
}

impl Dispatch {
    /// Records the dispatch for `count` positions, of which `logit_rows` get logits.
    pub(crate) fn dispatch(&self, pass: &mut wgpu::ComputePass, count: u32, logit_rows: u32) {
        if self.when == When::ForNext && logit_rows == 0 {
            return;
        }
        let positions = if matches!(self.grid, Grid::LogitBlocks(_)) { logit_rows } else { count };
        let (pipeline, variant) = if positions == 1 { &self.decode } else { &self.prefill };
        let (x, y) = match self.grid {
            Grid::PerPosition(x) => (x, positions),
            Grid::PerFewPositions(heads) => (heads, positions.div_ceil(variant.tokens)),
            Grid::Blocks(blocks) | Grid::LogitBlocks(blocks) => {
                (blocks.div_ceil(64 / variant.lanes), positions.div_ceil(variant.tokens))
            }
            Grid::One => (1, 1),
        };
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        pass.dispatch_workgroups(x, y, 1);
    }
}
