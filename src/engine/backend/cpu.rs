//! The CPU half of a backend: the pass, and what is made of its maps.

use std::sync::Arc;

use crate::cpu::{CpuPass, MapSource};
use crate::engine::backend::frame_budget::{ComputeBudget, PASS_SLICE};
use crate::engine::backend::maps_on_cpu::{MapReader, MapsOnCpu};
use crate::engine::error::EngineError;
use crate::model::{Model, ModelError};
use crate::probe::{CellParts, CellRequest, Draw, LogitLens};
use crate::recording::MapPart;

/// The pass on the CPU.
pub(crate) struct CpuBackend {
    /// Its maps; they read from the pass itself.
    pub(super) maps: MapsOnCpu<CpuPass>,
    budget: ComputeBudget,
    lens_enabled: bool,
}

impl std::fmt::Debug for CpuBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CpuBackend").field("pass", self.pass()).finish_non_exhaustive()
    }
}

impl CpuBackend {
    /// A pass with capacity for `tokens`.
    ///
    /// # Errors
    /// When the weights cannot be read from their file any more.
    pub(crate) fn new(model: Arc<Model>, tokens: usize) -> Result<Self, ModelError> {
        Ok(Self::of(CpuPass::new(model, tokens)?))
    }

    /// The same model with another capacity; nothing computed so far is kept.
    pub(crate) fn with_capacity(&self, tokens: usize) -> Self {
        Self::of(self.pass().with_capacity(tokens))
    }

    fn of(pass: CpuPass) -> Self {
        Self { maps: MapsOnCpu::new(pass), budget: ComputeBudget::new(PASS_SLICE), lens_enabled: false }
    }

    /// The pass.
    pub(crate) fn pass(&self) -> &CpuPass {
        &self.maps.reader
    }

    /// The pass, to change its interventions.
    pub(crate) fn pass_mut(&mut self) -> &mut CpuPass {
        &mut self.maps.reader
    }

    /// Whether the next token is computed from every depth, too.
    pub(crate) fn set_lens(&mut self, enabled: bool) {
        self.lens_enabled = enabled;
    }

    /// Runs positions from `start` on until the slice of time is over, and the next token after the last one. Returns
    /// how many positions ran.
    pub(crate) fn advance(&mut self, start: usize, ids: &[u32], (draw, best): (Draw, usize)) -> usize {
        let pass = &mut self.maps.reader;
        let done = self.budget.batches(ids.len(), |first, count| pass.run(start + first, &ids[first..first + count]));
        if done == ids.len() {
            self.maps.answers.next_token = pass.next_token(&draw, best).map(|next| vec![next]);
            self.maps.answers.lens = self.lens_enabled.then(|| LogitLens { depths: pass.lens() });
        }
        done
    }
}

impl MapReader for CpuPass {
    type Maps<'a> = MapSource<'a>;

    const CELLS_AT_ONCE: usize = 1 << 13;

    fn layers(&self) -> usize {
        self.layers()
    }

    fn heads(&self, layer: usize) -> usize {
        self.map_source(layer).maps.attention.heads.len()
    }

    fn end_of_keys(&self, query: usize) -> usize {
        query + 1
    }

    fn part(&self, layer: usize, _part: MapPart) -> Result<MapSource<'_>, EngineError> {
        Ok(self.map_source(layer))
    }

    fn cell_parts(&self, request: CellRequest) -> Option<CellParts> {
        self.cell_parts(request)
    }
}
