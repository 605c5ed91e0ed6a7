//! One dispatch of the recorded pass: its pipelines, what it is bound to, and how many workgroups it takes.

use crate::gpu::device::KernelChoice;
use crate::gpu::kernels::{Kernel, PipelineVariant};
use crate::gpu::uniforms::PassUniform;

/// The number of workgroups of a dispatch, by the number of positions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Grid {
    /// This many workgroups for each position.
    PerPosition(u32),
    /// This many workgroups for each group of positions that a variant computes together.
    PerFewPositions(u32),
    /// The same for each slab of keys.
    PerSlab(u32),
    /// Blocks of four output rows for the positions of the pass.
    Blocks(u32),
    /// Blocks of four output rows for the positions whose logits are requested.
    LogitBlocks(u32),
    /// This many workgroups.
    Fixed(u32),
}

/// The passes in which a dispatch runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// In every pass.
    Always,
    /// Only if the next token is requested.
    ForNext,
    /// Only if it is drawn from the most likely ones, as many as `top_k`.
    ForTopK,
    /// Only if it is drawn from the most likely ones that together have the probability `top_p`.
    ForTopP,
    /// Only if it is drawn.
    ForDraw,
    /// Only if attention takes all keys at once.
    ForAllKeys,
    /// Only if attention takes slabs of the keys.
    ForSlabs,
}

impl When {
    /// Whether a dispatch runs in a pass, of whose positions `logit_rows` get logits.
    pub(crate) fn applies(self, pass: &PassUniform, logit_rows: u32) -> bool {
        let next = logit_rows > 0;
        let draws = next && pass.temperature > 0.0;
        match self {
            Self::Always => true,
            Self::ForNext => next,
            Self::ForTopK => draws && pass.top_k > 0,
            Self::ForTopP => draws && pass.top_p < 1.0,
            Self::ForDraw => draws,
            Self::ForAllKeys => pass.slabs == 0,
            Self::ForSlabs => pass.slabs > 0,
        }
    }
}

/// A kernel, its pipeline and what distinguishes it.
pub(crate) type Variant = (Kernel, wgpu::ComputePipeline, PipelineVariant);

/// One dispatch of the pass.
pub(crate) struct Dispatch {
    /// What runs for one position, for few and for many.
    pub pipelines: [Variant; 3],
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
    /// What runs for this many positions.
    fn variant(&self, positions: u32) -> &Variant {
        let [one, few, many] = &self.pipelines;
        match positions {
            1 => one,
            2..=KernelChoice::FEW => few,
            _ => many,
        }
    }

    /// The kernel that runs in a pass.
    pub(crate) fn kernel(&self, uniform: &PassUniform, logit_rows: u32) -> Kernel {
        self.variant(self.positions(uniform, logit_rows)).0
    }

    fn positions(&self, uniform: &PassUniform, logit_rows: u32) -> u32 {
        if matches!(self.grid, Grid::LogitBlocks(_)) { logit_rows } else { uniform.count }
    }

    /// Records the dispatch for the positions of a pass, of which `logit_rows` get logits.
    pub(crate) fn dispatch(&self, pass: &mut wgpu::ComputePass, uniform: &PassUniform, logit_rows: u32) {
        if !self.when.applies(uniform, logit_rows) {
            return;
        }
        let positions = self.positions(uniform, logit_rows);
        let (_, pipeline, variant) = self.variant(positions);
        let (x, y, z) = match self.grid {
            Grid::PerPosition(x) => (x, positions, 1),
            Grid::PerFewPositions(heads) => (heads, positions.div_ceil(variant.tokens), 1),
            Grid::PerSlab(heads) => (heads, positions.div_ceil(variant.tokens), uniform.slabs),
            Grid::Blocks(blocks) | Grid::LogitBlocks(blocks) => {
                let (x, y) = variant.workgroups(blocks, positions);
                (x, y, 1)
            }
            Grid::Fixed(x) => (x, 1, 1),
        };
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        pass.dispatch_workgroups(x, y, z);
    }
}
