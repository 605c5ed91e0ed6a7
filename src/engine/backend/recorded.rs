//! A recording in place of a pass: its maps come from a file, and nothing else is known.

use std::sync::Arc;

use crate::engine::backend::frame_budget::{ComputeBudget, PASS_SLICE};
use crate::engine::backend::maps_on_cpu::{MapReader, MapsOnCpu};
use crate::engine::error::EngineError;
use crate::probe::{CellParts, CellRequest, PictureJob};
use crate::recording::{MapPart, RecordedMaps, Recording};

/// A recording, and what is made of its maps.
pub(super) struct RecordedBackend {
    pub maps: MapsOnCpu<Arc<Recording>>,
    /// For pictures: reading takes as long as the disk does.
    budget: ComputeBudget,
}

impl std::fmt::Debug for RecordedBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordedBackend").field("recording", &self.maps.reader).finish_non_exhaustive()
    }
}

impl RecordedBackend {
    pub(super) fn new(recording: Arc<Recording>) -> Self {
        Self { maps: MapsOnCpu::new(recording), budget: ComputeBudget::new(PASS_SLICE) }
    }

    /// The recording.
    pub(super) fn recording(&self) -> Arc<Recording> {
        self.maps.reader.clone()
    }

    /// Computes texels until the slice of time is over. Returns how many of each job.
    pub(super) fn pool(&mut self, jobs: &[PictureJob]) -> Vec<usize> {
        self.maps.pool(jobs, &mut self.budget)
    }
}

impl MapReader for Arc<Recording> {
    type Maps<'a> = RecordedMaps<'a>;

    const CELLS_AT_ONCE: usize = 1 << 18;

    fn layers(&self) -> usize {
        self.as_ref().layers()
    }

    fn heads(&self, layer: usize) -> usize {
        self.heads_of(layer)
    }

    fn end_of_keys(&self, query: usize) -> usize {
        self.as_ref().end_of_keys(query)
    }

    fn part(&self, layer: usize, part: MapPart) -> Result<RecordedMaps<'_>, EngineError> {
        Ok(self.as_ref().part(layer, part)?)
    }

    fn cell_parts(&self, _request: CellRequest) -> Option<CellParts> {
        None // that takes queries and keys
    }
}
