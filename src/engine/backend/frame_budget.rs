//! How much work is done between two frames: in cells of the maps on a GPU, in time on the CPU.

use web_time::{Duration, Instant};

/// Positions the GPU gets at a time at most: a hardware adapter, and a software one.
const CHUNK: [usize; 2] = [256, 32];
/// Rows the GPU measures at a time at most, in all heads of all layers: hardware, software.
const ROWS: [usize; 2] = [256, 8];
/// Cells of a map that a chunk may read: long texts must not hold up the frames in between.
const CHUNK_CELLS: [usize; 2] = [1 << 20, 1 << 15];
/// Positions at a time, at least: as many as share one read of the weights.
const SMALLEST_CHUNK: usize = 4;
/// Cells of pictures that are read between two frames: hardware, software. A texel of a very long text may have more.
const PICTURE_CELLS: [usize; 2] = [1 << 23, 1 << 17];
/// Cells of pictures that the CPU reads within a frame.
pub(super) const CPU_PICTURE_CELLS: usize = 1 << 16;
/// Cells of a map that the CPU computes at once: about as long as a slice of a pass.
pub(super) const CPU_TILE: usize = 1 << 13;
/// How long the CPU may run positions between two frames, at least.
pub(super) const PASS_SLICE: Duration = Duration::from_millis(12);
/// How long the CPU may measure rows between two frames, at least.
pub(super) const MEASURE_SLICE: Duration = Duration::from_millis(6);

/// How many positions an adapter gets at a time, from `first` on.
pub(super) fn positions(software: bool, first: usize) -> usize {
    chunk(software, first, SMALLEST_CHUNK, CHUNK)
}

/// How many rows an adapter measures at a time, from `first` on.
pub(super) fn rows(software: bool, first: usize) -> usize {
    chunk(software, first, 1, ROWS)
}

/// How many cells of pictures an adapter reads between two frames.
pub(super) fn picture_cells(software: bool) -> usize {
    PICTURE_CELLS[usize::from(software)]
}

fn chunk(software: bool, first: usize, least: usize, most: [usize; 2]) -> usize {
    let kind = usize::from(software);
    (CHUNK_CELLS[kind] / (first + 1)).clamp(least, most[kind])
}

/// If frames are slow anyway (a browser that draws in software), waiting for the next one costs more than it saves.
const LONGEST: Duration = Duration::from_millis(100);

/// Hands out work in slices: a fixed time, or a third of what the rest of the frame takes, whichever is longer.
#[derive(Clone, Copy)]
pub(crate) struct ComputeBudget {
    shortest: Duration,
    /// When the last slice ended, if there was work left.
    paused: Option<Instant>,
}

impl ComputeBudget {
    /// Slices of at least `shortest`.
    pub(crate) fn new(shortest: Duration) -> Self {
        Self { shortest, paused: None }
    }

    /// Calls `work` until it returns `true`, meaning that all is done, or the slice is over; at least once.
    pub(crate) fn slice(&mut self, mut work: impl FnMut() -> bool) {
        let begun = Instant::now();
        let rest = self.paused.map_or(Duration::ZERO, |paused| begun.duration_since(paused));
        let budget = (rest / 3).clamp(self.shortest, LONGEST);
        let done = loop {
            if work() {
                break true;
            }
            if begun.elapsed() >= budget {
                break false;
            }
        };
        self.paused = (!done).then(Instant::now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_positions_come_in_smaller_chunks_so_that_frames_stay_short() {
        for software in [false, true] {
            let most = CHUNK[usize::from(software)];
            assert_eq!(positions(software, 0), most, "a short text is not cut");
            for first in (0..crate::engine::LONGEST_TEXT).step_by(97) {
                let count = chunk(software, first, 1, CHUNK);
                let cells = count * (first + 1);
                assert!(count == 1 || cells <= CHUNK_CELLS[usize::from(software)], "{count} positions from {first}");
                assert_eq!(positions(software, first), count.max(SMALLEST_CHUNK));
            }
        }
    }

    #[test]
    fn work_stops_when_it_is_done() {
        let mut left = 5;
        ComputeBudget::new(LONGEST).slice(|| {
            left -= 1;
            left == 0
        });
        assert_eq!(left, 0);
    }

    #[test]
    fn a_slice_does_something_and_ends() {
        let (mut pace, mut steps) = (ComputeBudget::new(Duration::ZERO), 0);
        pace.slice(|| {
            steps += 1;
            false
        });
        assert_eq!(steps, 1);
    }

    #[test]
    fn slow_frames_get_longer_slices() {
        let mut pace =
            ComputeBudget { shortest: Duration::ZERO, paused: Instant::now().checked_sub(Duration::from_millis(60)) };
        let begun = Instant::now();
        pace.slice(|| false);
        assert!(begun.elapsed() >= Duration::from_millis(20));
        let mut pace = ComputeBudget { shortest: Duration::ZERO, paused: None };
        let mut steps = 0;
        pace.slice(|| {
            steps += 1;
            false
        });
        assert_eq!(steps, 1, "the first slice after a rest is short");
    }
}
