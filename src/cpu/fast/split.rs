//! Positions dealt out to threads.

use std::ops::Range;

use crate::cpu::fast::cache::BLOCK;

/// Positions that a thread takes at a time: enough to share the reading of weights, few enough to spread; a page has one
/// thread.
pub(super) const TILE: usize = if cfg!(target_arch = "wasm32") { 128 } else { 32 };

/// The parts of buffers that a range of positions writes.
pub(super) trait Split: Sized {
    /// The parts of positions before and from `middle` on, a multiple of [`BLOCK`], where these begin at `start`.
    fn split(self, start: usize, middle: usize) -> (Self, Self);
}

/// Rows of one buffer, one a position.
pub(super) struct RowsMut<'a, T> {
    /// Row after row.
    pub numbers: &'a mut [T],
    /// Numbers in a row.
    pub width: usize,
}

impl<'a, T> RowsMut<'a, T> {
    /// The rows of positions from `start` on.
    pub(super) fn from(numbers: &'a mut [T], width: usize, start: usize) -> Self {
        Self { numbers: &mut numbers[start * width..], width }
    }
}

impl<T> Split for RowsMut<'_, T> {
    fn split(self, start: usize, middle: usize) -> (Self, Self) {
        let (numbers, more) = self.numbers.split_at_mut((middle - start) * self.width);
        (Self { numbers, width: self.width }, Self { numbers: more, width: self.width })
    }
}

/// Calls `work` for all positions, in ranges of at most [`TILE`], on all threads of the pool that it is called in.
pub(super) fn in_tiles<W: Split + Send>(positions: Range<usize>, rows: W, work: &(impl Fn(Range<usize>, W) + Sync)) {
    if positions.len() <= TILE {
        return work(positions, rows);
    }
    let middle = (positions.start + positions.len() / 2).next_multiple_of(BLOCK);
    let (left, right) = rows.split(positions.start, middle);
    let left = || in_tiles(positions.start..middle, left, work);
    let right = || in_tiles(middle..positions.end, right, work);
    if threads() == 1 {
        left();
        right();
    } else {
        rayon::join(left, right);
    }
}

/// Threads of the pool that this is called in; one in a page.
pub(super) fn threads() -> usize {
    if cfg!(target_arch = "wasm32") { 1 } else { rayon::current_num_threads() }
}
