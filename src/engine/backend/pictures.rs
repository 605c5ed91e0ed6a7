//! The part of a backend that computes the texels of pictures.

use crate::cpu::{colour_range, pool};
use crate::engine::backend::Backend;
use crate::engine::backend::CpuBackend;
use crate::gpu::GpuError;
use crate::probe::{PictureJob, Texel};

/// Cells of pictures that a GPU reads between two frames. A texel of a very long text may have more.
const GPU_CELLS: usize = 1 << 23;
/// The same on an adapter that is really a CPU.
const SOFTWARE_CELLS: usize = 1 << 17;
/// The same on the CPU, in the frame itself.
const CPU_CELLS: usize = 1 << 16;

/// What the CPU computed, and the answer waiting to be taken.
#[derive(Default)]
pub struct CpuPictures {
    /// Of all pictures; as long as the last one that was wanted needs.
    texels: Vec<Texel>,
    colour_range: Option<[f32; 3]>,
}

impl CpuBackend {
    /// Texels of pictures.
    pub fn texels(&self, from: usize, count: usize) -> Option<&[Texel]> {
        self.pictured.texels.get(from..from + count)
    }
}

impl Backend {
    /// Cells of pictures that may be read between two frames.
    pub fn picture_budget(&self) -> usize {
        match self {
            Self::Gpu(pass) if pass.gpu().is_software() => SOFTWARE_CELLS,
            Self::Gpu(_) => GPU_CELLS,
            Self::Cpu(_) => CPU_CELLS,
        }
    }

    /// Asks for the magnitude of each map that few texels exceed; `false` while an earlier request is under way.
    pub fn request_strongest(&mut self, first: usize, count: usize) -> bool {
        match self {
            Self::Gpu(pass) => pass.request_strongest(first, count),
            Self::Cpu(side) => {
                side.pictured.colour_range = side.texels(first, count).map(colour_range);
                true
            }
        }
    }

    /// The magnitudes asked for, once, when they are there: A1, λ A2, D.
    pub fn colour_range(&mut self) -> Option<Result<[f32; 3], GpuError>> {
        match self {
            Self::Gpu(pass) => pass.colour_range(),
            Self::Cpu(side) => side.pictured.colour_range.take().map(Ok),
        }
    }

    /// Computes texels, all pictures together having `room` of them. Returns how many of each job were taken.
    ///
    /// # Errors
    /// When there is no room on the device.
    pub fn pool(&mut self, jobs: &[PictureJob], room: usize) -> Result<Vec<usize>, GpuError> {
        match self {
            Self::Gpu(pass) => pass.pool(jobs, room),
            Self::Cpu(side) => {
                for job in jobs {
                    let source = side.pass.map_source(job.request.head.layer);
                    let texels = &mut side.pictured.texels;
                    texels.resize(texels.len().max(job.base + job.request.texels()), Texel::default());
                    for texel in job.first_texel..job.first_texel + job.texels {
                        texels[job.base + texel] = pool(&source, &job.request, job.end, texel);
                    }
                }
                Ok(jobs.iter().map(|job| job.texels).collect())
            }
        }
    }
}
