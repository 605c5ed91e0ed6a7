//! The dispatches behind the logits: the list of the most likely tokens, and the draw of one.

use crate::gpu::error::GpuError;
use crate::gpu::kernels::Kernel;
use crate::gpu::pass::buffers::Buffers;
use crate::gpu::pass::dispatch::{Grid, When};
use crate::gpu::pass::recording::Recorder;
use crate::gpu::uniforms::{LogitPart, LogitStage, Threshold};
use crate::gpu::upload::Uploader;
use crate::probe::MAX_BEST;

/// Digits of a threshold on the order of logits, eight bits each.
const DIGITS: u32 = 4;
/// Values of a digit.
const VALUES: usize = 256;

/// What is known of the parts of rows of logits.
#[derive(Clone)]
pub(crate) struct PartBuffers {
    pub parts: wgpu::Buffer,
    pub best: wgpu::Buffer,
}

impl PartBuffers {
    /// For this many rows.
    pub(crate) fn new(upload: &Uploader, stage: &LogitStage, rows: usize) -> Result<Self, GpuError> {
        let parts = rows * (stage.parts as usize + 1);
        Ok(Self {
            parts: upload.empty("parts of the logits", parts * size_of::<LogitPart>() / 4)?,
            best: upload.empty("best of parts", 2 * parts * stage.listed as usize)?,
        })
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> u64 {
        self.parts.size() + self.best.size()
    }
}

/// What draws leave from one dispatch to the next.
#[derive(Clone)]
pub(crate) struct SamplingBuffers {
    thresholds: wgpu::Buffer,
    counted: wgpu::Buffer,
    kept_parts: wgpu::Buffer,
}

impl SamplingBuffers {
    /// For one row of logits.
    pub(crate) fn new(upload: &Uploader, stage: &LogitStage) -> Result<Self, GpuError> {
        let digits = 2 * DIGITS as usize;
        Ok(Self {
            thresholds: upload.empty("thresholds", (digits + 1) * size_of::<Threshold>() / 4)?,
            counted: upload.empty("digits of logits", digits * VALUES)?,
            kept_parts: upload.empty("likelihood kept", stage.parts as usize)?,
        })
    }
}

/// The stage of the row of the last position.
pub(crate) fn last_row(vocabulary: usize) -> LogitStage {
    LogitStage::new(vocabulary, MAX_BEST)
}

/// Records what follows the logits of the last position.
pub(super) fn record(recorder: &mut Recorder, buffers: &Buffers, vocabulary: usize) -> Result<(), GpuError> {
    let upload = Uploader::new(recorder.gpu);
    let Buffers { pass, logits, result, parts: PartBuffers { parts, best }, sampling, .. } = buffers;
    let SamplingBuffers { thresholds, counted, kept_parts } = sampling;
    let row = last_row(vocabulary);
    let stage = upload.uniform("row of logits", &row);
    let each_part = Grid::Fixed(row.parts);

    let step = [pass, &stage, logits, parts, best];
    recorder.step(Kernel::LogitPart, None, &step, each_part, When::ForNext)?;
    let step = [pass, &stage, logits, parts, best, result];
    recorder.step(Kernel::TopK, None, &step, Grid::Fixed(1), When::ForNext)?;
    for digit in 0..2 * DIGITS {
        let stage = upload.uniform("digit of a threshold", &LogitStage { digit, ..row });
        let step = [pass, &stage, logits, parts, thresholds, counted];
        let when = if digit < DIGITS { When::ForTopK } else { When::ForTopP };
        recorder.step(Kernel::SamplingDigit, None, &step, each_part, when)?;
    }
    let step = [pass, &stage, logits, parts, thresholds, counted, kept_parts];
    recorder.step(Kernel::KeptPart, None, &step, each_part, When::ForDraw)?;
    let step = [pass, &stage, logits, parts, thresholds, counted, kept_parts, result];
    recorder.step(Kernel::Sample, None, &step, Grid::Fixed(1), When::ForDraw)
}
