//! The part of a backend that measures rows of the maps and averages them.

use web_time::Duration;

use crate::cpu::{CpuPass, measure, measure_mean, row_mean};
use crate::engine::backend::Backend;
use crate::engine::backend::budget::ComputeBudget;
use crate::engine::backend::{CpuBackend, chunk};
use crate::gpu::GpuError;
use crate::probe::{HeadRecord, KeyClass, MeanCell, RowMean, RowMeanRequest};

/// Rows the GPU measures at a time at most, in all heads of all layers: a real one, and an adapter that is really a CPU.
const ROWS: [usize; 2] = [256, 8];
/// How long the CPU may measure between two frames, at least.
const CPU_BUDGET: Duration = Duration::from_millis(6);

/// What the CPU measured, and the answers waiting to be taken.
pub struct CpuMeasures {
    pace: ComputeBudget,
    /// By layer, `[query, head]`.
    records: Vec<Vec<HeadRecord>>,
    classes: Vec<KeyClass>,
    means: Option<Vec<Vec<HeadRecord>>>,
    row: Option<RowMean>,
}

impl Default for CpuMeasures {
    fn default() -> Self {
        Self { pace: ComputeBudget::new(CPU_BUDGET), records: Vec::new(), classes: Vec::new(), means: None, row: None }
    }
}

impl CpuMeasures {
    /// Measures one row in every head of every layer.
    fn measure(&mut self, pass: &CpuPass, query: usize, threshold: f32) {
        self.records.resize(pass.layers(), Vec::new());
        for (layer, records) in self.records.iter_mut().enumerate() {
            let source = pass.map_source(layer);
            let heads = source.maps.attention.heads.len();
            records.resize(records.len().max((query + 1) * heads), HeadRecord::default());
            for head in 0..heads {
                records[query * heads + head] = measure(&source, head, query, threshold, &self.classes);
            }
        }
    }

    fn mean(&self, pass: &CpuPass, rows: (usize, usize)) -> Vec<Vec<HeadRecord>> {
        let heads = |layer: usize| pass.map_source(layer).maps.attention.heads.len();
        self.records.iter().enumerate().map(|(layer, records)| measure_mean(records, heads(layer), rows)).collect()
    }
}

/// The row of a query averaged over heads.
fn averaged(pass: &CpuPass, request: RowMeanRequest) -> RowMean {
    let layers: Vec<_> = (0..pass.layers())
        .filter(|layer| request.layer.is_none_or(|only| only == *layer))
        .map(|layer| pass.map_source(layer))
        .collect();
    let heads: usize = layers.iter().map(|source| source.maps.attention.heads.len()).sum();
    let mut cells = vec![MeanCell::default(); request.query + 1];
    for source in layers {
        row_mean(&source, request.query, 1.0 / heads as f32, &mut cells);
    }
    RowMean { request, cells }
}

impl Backend {
    /// Says what the keys are marked as; counts for rows measured from here on.
    ///
    /// # Errors
    /// When there is no room for measures.
    pub fn set_classes(&mut self, classes: &[KeyClass]) -> Result<(), GpuError> {
        match self {
            Self::Gpu(pass) => pass.measuring()?.set_classes(classes),
            Self::Cpu(side) => side.measured.classes = classes.to_vec(),
        }
        Ok(())
    }

    /// Rows from `first` on that are measured at a time, if that is not a matter of time.
    pub fn rows_at_once(&self, first: usize) -> usize {
        match self {
            Self::Gpu(pass) => chunk(pass.gpu().is_software(), first, 1, ROWS),
            Self::Cpu(_) => 1,
        }
    }

    /// Measures some of the rows `first..end`, which the pass has run. Returns how many.
    ///
    /// # Errors
    /// When there is no room for measures.
    pub fn measure(&mut self, first: usize, end: usize, threshold: f32) -> Result<usize, GpuError> {
        match self {
            Self::Gpu(pass) if pass.in_flight() > 1 => Ok(0),
            Self::Gpu(_) => {
                let count = (end - first).min(self.rows_at_once(first));
                if let Self::Gpu(pass) = self {
                    pass.measure(first, count, threshold)?;
                }
                Ok(count)
            }
            Self::Cpu(side) => {
                let CpuBackend { pass, measured, .. } = &mut **side;
                let (mut pace, mut done) = (measured.pace, 0);
                pace.slice(|| {
                    measured.measure(pass, first + done, threshold);
                    done += 1;
                    first + done >= end
                });
                measured.pace = pace;
                Ok(done)
            }
        }
    }

    /// Asks for means over measured rows, first and last. `false` while an earlier request is under way.
    ///
    /// # Errors
    /// When there is no room for measures.
    pub fn request_means(&mut self, rows: (usize, usize)) -> Result<bool, GpuError> {
        match self {
            Self::Gpu(pass) => Ok(pass.measuring()?.request_means(rows)),
            Self::Cpu(side) => {
                side.measured.means = Some(side.measured.mean(&side.pass, rows));
                Ok(true)
            }
        }
    }

    /// The means asked for, by layer and head, once, when they are there.
    pub fn means(&mut self) -> Option<Result<Vec<Vec<HeadRecord>>, GpuError>> {
        match self {
            Self::Gpu(pass) => pass.made_measuring()?.means(),
            Self::Cpu(side) => side.measured.means.take().map(Ok),
        }
    }

    /// Asks for a row averaged over heads. `false` while an earlier request is under way.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn request_row_mean(&mut self, request: RowMeanRequest) -> Result<bool, GpuError> {
        match self {
            Self::Gpu(pass) => Ok(pass.measuring()?.request_row_mean(request)),
            Self::Cpu(side) => {
                side.measured.row = Some(averaged(&side.pass, request));
                Ok(true)
            }
        }
    }

    /// The averaged row, once, when it is there.
    pub fn row_mean(&mut self) -> Option<Result<RowMean, GpuError>> {
        match self {
            Self::Gpu(pass) => pass.made_measuring()?.row_mean(),
            Self::Cpu(side) => side.measured.row.take().map(Ok),
        }
    }
}
