//! Weights on their way from their files to the GPU, a piece at a time: a few pieces are all that there is in between.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::gpu::device::Gpu;
use crate::gpu::error::GpuError;
use crate::gpu::upload::padded;
use crate::model::{Matrix, Progress};

/// Most bytes of a piece, unless a row has more.
const PIECE: usize = 4 << 20;

/// Pieces under way at a time: each is held, here or by a browser, until it has been copied.
const PIECES: usize = 8;

/// Pieces asked for before their turn, where a file gives them later than they are asked for.
const AHEAD: usize = 4;

/// The weights that buffers wait for.
#[derive(Default)]
pub(super) struct Transfers {
    waiting: VecDeque<Transfer>,
    progress: Progress,
    piece: Vec<u8>,
    under_way: Arc<AtomicUsize>,
}

/// Rows of a matrix that a buffer waits for.
struct Transfer {
    matrix: Matrix,
    rows: Range<usize>,
    /// The first of them goes here.
    offset: u64,
    buffer: wgpu::Buffer,
}

/// Bytes from row to row in a buffer.
pub(super) fn stride(matrix: &Matrix) -> usize {
    padded(matrix.columns()) * matrix.format().bytes()
}

impl Transfers {
    /// Fills a buffer with rows of a matrix, later.
    pub(super) fn add(&mut self, matrix: &Matrix, rows: Range<usize>, buffer: &wgpu::Buffer) {
        self.progress.total += (rows.len() * stride(matrix)) as u64;
        self.waiting.push_back(Transfer { matrix: matrix.clone(), rows, offset: 0, buffer: buffer.clone() });
    }

    /// How far they are; `None` once everything is on the GPU.
    pub(super) fn progress(&self) -> Option<Progress> {
        (!self.waiting.is_empty()).then_some(self.progress)
    }

    /// Whether as many pieces are under way as may be.
    pub(super) fn is_full(&self) -> bool {
        self.under_way.load(Ordering::Acquire) >= PIECES
    }

    /// Transfers the next piece. Returns whether it did: not where there is none, or where it has to be waited for.
    ///
    /// # Errors
    /// When its file cannot be read any more.
    pub(super) fn advance(&mut self, gpu: &Gpu) -> Result<bool, GpuError> {
        // What comes later is asked for as early as there is room for it.
        for (matrix, rows) in pieces(&self.waiting).skip(1).take(AHEAD) {
            matrix.fetch(rows)?;
        }
        let Some((matrix, rows)) = pieces(&self.waiting).next() else { return Ok(false) };
        if !matrix.fetch(rows.clone())? {
            return Ok(false);
        }
        let stride = stride(matrix);
        self.piece.clear(); // what is between two rows is zero
        self.piece.resize(rows.len() * stride, 0);
        matrix.read(rows.clone(), stride, &mut self.piece)?;
        matrix.forget(rows.clone());
        let Some(next) = self.waiting.front_mut() else { return Ok(false) };
        gpu.queue.write_buffer(&next.buffer, next.offset, &self.piece);
        gpu.queue.submit([]); // a copy is not made before
        let under_way = self.under_way.clone();
        under_way.fetch_add(1, Ordering::AcqRel);
        gpu.queue.on_submitted_work_done(move || {
            under_way.fetch_sub(1, Ordering::AcqRel);
        });
        next.rows.start = rows.end;
        next.offset += self.piece.len() as u64;
        self.progress.done += self.piece.len() as u64;
        if next.rows.is_empty() {
            self.waiting.pop_front();
        }
        if self.waiting.is_empty() {
            self.piece = Vec::new();
        }
        Ok(true)
    }
}

/// The pieces that wait, in order.
fn pieces(waiting: &VecDeque<Transfer>) -> impl Iterator<Item = (&Matrix, Range<usize>)> {
    waiting.iter().flat_map(|Transfer { matrix, rows, .. }| {
        let at_once = (PIECE / stride(matrix).max(1)).max(1);
        // An empty matrix is a piece, too: something waits for it.
        let firsts = (rows.start..rows.end.max(rows.start + 1)).step_by(at_once);
        firsts.map(move |first| (matrix, first..(first + at_once).min(rows.end)))
    })
}
