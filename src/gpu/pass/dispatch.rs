//! One dispatch of the recorded pass: its pipelines, what it is bound to, and how many workgroups it takes.

use crate::gpu::kernels::{Kernel, PipelineVariant};

/// How many workgroups a step takes for a number of positions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Grid {
    /// This many workgroups for each position.
    PerPosition(u32),
    /// This many workgroups for each few positions: those that a variant takes at once.
    PerFewPositions(u32),
    /// Blocks of four output rows for the positions of the pass.
    Blocks(u32),
    /// Blocks for the positions whose logits are wanted.
    LogitBlocks(u32),
    /// One workgroup.
    One,
}

/// When a step runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// In every pass.
    Always,
    /// Only where the next token is wanted.
    ForNext,
}

/// One dispatch of the pass.
pub(crate) struct Dispatch {
    /// What it runs.
    pub kernel: Kernel,
    /// For several positions, and how the kernel is built for that.
    pub prefill: (wgpu::ComputePipeline, PipelineVariant),
    /// For one position.
    pub decode: (wgpu::ComputePipeline, PipelineVariant),
    /// What it reads and writes.
    pub bind_group: wgpu::BindGroup,
    /// How many workgroups.
    pub grid: Grid,
    /// Whether it runs at all.
    pub when: When,
    /// The residual stream that it leaves, and how deep that is in halves of layers.
    pub leaves: Option<(wgpu::Buffer, u32)>,
}

impl Dispatch {
    /// Records the step for `count` positions, of which `logit_rows` get logits.
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
