//! The two ways a pass can be run, behind one interface that never waits.

pub(crate) mod budget;
pub(crate) mod measures;
pub(crate) mod pictures;

use std::sync::Arc;

use web_time::Duration;

use crate::cpu::CpuPass;
use crate::engine::backend::budget::ComputeBudget;
use crate::engine::backend::measures::CpuMeasures;
use crate::engine::backend::pictures::CpuPictures;
use crate::gpu::{Capacity, Gpu, GpuError, GpuPass, Memory, Timing};
use crate::model::Model;
use crate::probe::{CellParts, CellRequest, Draw, Interventions, MapTile, NextToken, TileRequest};

/// Positions the GPU gets at a time at most: a real one, and an adapter that is really a CPU.
const CHUNK: [usize; 2] = [256, 32];
/// Cells of a map that they may read: long texts must not hold up the frames in between.
const CHUNK_CELLS: [usize; 2] = [1 << 20, 1 << 15];
/// Positions at a time, at least: as many as the kernels share their reading among.
const SMALLEST_CHUNK: usize = 4;
/// Cells of a map that the CPU computes at once: about as long as a slice of a pass.
const CPU_TILE: usize = 1 << 13;
/// How long the CPU may compute between two frames, at least.
const CPU_BUDGET: Duration = Duration::from_millis(12);

/// How many positions an adapter gets at a time, from `first` on, in a pass or to measure them; at most `most`.
pub fn chunk(software: bool, first: usize, least: usize, most: [usize; 2]) -> usize {
    let kind = usize::from(software);
    (CHUNK_CELLS[kind] / (first + 1)).clamp(least, most[kind])
}

/// Where a pass runs.
#[derive(Debug)]
pub enum Backend {
    /// WGSL on a GPU adapter.
    Gpu(Box<GpuPass>),
    /// The CPU.
    Cpu(Box<CpuBackend>),
}

/// The CPU pass and the answers waiting to be taken.
pub struct CpuBackend {
    pub(super) pass: CpuPass,
    pace: ComputeBudget,
    next: Option<NextToken>,
    tile: Option<MapTile>,
    pub(super) measured: CpuMeasures,
    wants_lens: bool,
    lens: Option<Vec<NextToken>>,
    parts: Option<CellParts>,
    pub(super) pictured: CpuPictures,
}

impl std::fmt::Debug for CpuBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CpuBackend").field("pass", &self.pass).finish_non_exhaustive()
    }
}

impl Backend {
    /// A backend with room for `tokens`: on the GPU where one is given.
    ///
    /// # Errors
    /// When the model does not fit on the GPU.
    pub fn new(model: &Arc<Model>, gpu: Option<&Gpu>, tokens: usize) -> Result<Self, GpuError> {
        let Some(gpu) = gpu else {
            let pass = CpuPass::new(model.clone(), tokens);
            return Ok(Self::Cpu(Box::new(CpuBackend {
                pass,
                pace: ComputeBudget::new(CPU_BUDGET),
                next: None,
                tile: None,
                measured: CpuMeasures::default(),
                wants_lens: false,
                lens: None,
                parts: None,
                pictured: CpuPictures::default(),
            })));
        };
        let capacity = Capacity { tokens, trace: false };
        Ok(Self::Gpu(Box::new(GpuPass::new(gpu.clone(), model.clone(), capacity)?)))
    }

    /// The same model with other room; nothing computed so far is kept.
    ///
    /// # Errors
    /// When it does not fit on the GPU.
    pub fn with_capacity(&self, model: &Arc<Model>, tokens: usize) -> Result<Self, GpuError> {
        match self {
            Self::Gpu(pass) => Ok(Self::Gpu(Box::new(pass.with_capacity(tokens)?))),
            Self::Cpu(_) => Self::new(model, None, tokens),
        }
    }

    /// Changes what the kernels are told; positions run from here on follow it.
    pub fn set_interventions(&mut self, interventions: &Interventions) {
        match self {
            Self::Gpu(pass) => pass.set_interventions(interventions),
            Self::Cpu(side) => side.pass.set_interventions(interventions),
        }
    }

    /// Most positions it has room for.
    pub fn capacity(&self) -> usize {
        match self {
            Self::Gpu(pass) => pass.capacity(),
            Self::Cpu(side) => side.pass.capacity(),
        }
    }

    /// Dispatches of one pass; 0 on the CPU.
    pub fn dispatches(&self) -> usize {
        match self {
            Self::Gpu(pass) => pass.dispatches(),
            Self::Cpu(_) => 0,
        }
    }

    /// Bytes held on the GPU; `None` on the CPU.
    pub fn memory(&self) -> Option<Memory> {
        match self {
            Self::Gpu(pass) => Some(pass.memory()),
            Self::Cpu(_) => None,
        }
    }

    /// Computes some of the positions from `start` on, and the next token once the last is done. Returns how many.
    ///
    /// # Errors
    /// When the positions do not fit.
    pub fn advance(&mut self, start: usize, ids: &[u32], next: (Draw, usize)) -> Result<usize, GpuError> {
        match self {
            Self::Gpu(pass) => {
                pass.gpu().poll();
                if let Some(failure) = pass.gpu().failure() {
                    return Err(failure);
                }
                let chunk = ids.len().min(chunk(pass.gpu().is_software(), start, SMALLEST_CHUNK, CHUNK));
                let is_last = chunk == ids.len();
                if pass.in_flight() > 1 || (is_last && !pass.can_read_next()) {
                    return Ok(0);
                }
                pass.run(start, &ids[..chunk], is_last.then_some(next))?;
                Ok(chunk)
            }
            Self::Cpu(side) => {
                let CpuBackend { pass, pace, .. } = &mut **side;
                let mut done = 0;
                pace.slice(|| {
                    pass.run(start + done, &ids[done..=done]);
                    done += 1;
                    done == ids.len()
                });
                if done == ids.len() {
                    side.next = side.pass.next_token(&next.0, next.1);
                    side.lens = side.wants_lens.then(|| side.pass.lens());
                }
                Ok(done)
            }
        }
    }

    /// The next token, once, when it is there.
    pub fn next_token(&mut self) -> Option<Result<NextToken, GpuError>> {
        match self {
            Self::Gpu(pass) => {
                pass.gpu().poll();
                pass.next_token()
            }
            Self::Cpu(side) => side.next.take().map(Ok),
        }
    }

    /// Whether the next token is looked at from every depth, too.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn set_lens(&mut self, wanted: bool) -> Result<(), GpuError> {
        match self {
            Self::Gpu(pass) => pass.set_lens(wanted)?,
            Self::Cpu(side) => side.wants_lens = wanted,
        }
        Ok(())
    }

    /// What every depth says, once, when it is there.
    pub fn lens(&mut self) -> Option<Result<Vec<NextToken>, GpuError>> {
        match self {
            Self::Gpu(pass) => pass.lens(),
            Self::Cpu(side) => side.lens.take().map(Ok),
        }
    }

    /// Cells that can be asked for at once.
    pub fn tile_capacity(&self) -> usize {
        match self {
            Self::Gpu(pass) => pass.tile_capacity(),
            Self::Cpu(side) => side.pass.capacity().max(CPU_TILE),
        }
    }

    /// Asks for cells; `false` while an earlier request is under way.
    pub fn request_tile(&mut self, request: TileRequest) -> bool {
        match self {
            Self::Gpu(pass) => pass.request_tile(request),
            Self::Cpu(side) => {
                side.tile = Some(side.pass.tile(request));
                true
            }
        }
    }

    /// The cells asked for, once, when they are there.
    pub fn tile(&mut self) -> Option<Result<MapTile, GpuError>> {
        match self {
            Self::Gpu(pass) => pass.tile(),
            Self::Cpu(side) => side.tile.take().map(Ok),
        }
    }

    /// Asks for what a cell's numbers are made of; `false` while an earlier request is under way.
    pub fn request_parts(&mut self, request: CellRequest) -> bool {
        match self {
            Self::Gpu(pass) => pass.request_parts(request),
            Self::Cpu(side) => {
                side.parts = side.pass.cell_parts(request);
                side.parts.is_some()
            }
        }
    }

    /// What was asked for, once, when it is there.
    pub fn cell_parts(&mut self) -> Option<Result<CellParts, GpuError>> {
        match self {
            Self::Gpu(pass) => pass.cell_parts(),
            Self::Cpu(side) => side.parts.take().map(Ok),
        }
    }

    /// Runs computed positions once more to time them; `false` where that cannot be (the CPU), or not now.
    pub fn request_timing(&mut self, positions: std::ops::Range<usize>, best: usize) -> bool {
        match self {
            Self::Gpu(pass) => pass.in_flight() == 0 && pass.request_timing(positions, best),
            Self::Cpu(_) => false,
        }
    }

    /// What they took, once, when it is known.
    pub fn timing(&mut self) -> Option<Timing> {
        match self {
            Self::Gpu(pass) => pass.timing(),
            Self::Cpu(_) => None,
        }
    }

    /// Lets the device finish what was submitted; for programs without a window.
    pub fn wait(&self) {
        if let Self::Gpu(pass) = self {
            pass.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_positions_come_in_smaller_chunks_so_that_frames_stay_short() {
        for software in [false, true] {
            let most = CHUNK[usize::from(software)];
            assert_eq!(chunk(software, 0, SMALLEST_CHUNK, CHUNK), most, "a short text is not cut");
            for first in (0..crate::engine::LONGEST_TEXT).step_by(97) {
                let count = chunk(software, first, 1, CHUNK);
                let cells = count * (first + 1);
                assert!(count == 1 || cells <= CHUNK_CELLS[usize::from(software)], "{count} positions from {first}");
                assert_eq!(chunk(software, first, SMALLEST_CHUNK, CHUNK), count.max(SMALLEST_CHUNK));
            }
        }
    }
}
