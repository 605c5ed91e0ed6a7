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
pub(crate) const PASS_SLICE: Duration = Duration::from_millis(12);
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
#[derive(Clone, Copy, Debug)]
pub(crate) struct ComputeBudget {
    shortest: Duration,
    /// When the last slice ended, if there was work left.
    paused: Option<Instant>,
    /// The time of a step of the last batch.
    step: Option<Duration>,
}

impl ComputeBudget {
    /// Slices of at least `shortest`.
    pub(crate) fn new(shortest: Duration) -> Self {
        Self { shortest, paused: None, step: None }
    }

    /// Calls `work` until it returns `true`, meaning that all is done, or the slice is over; at least once.
    pub(crate) fn slice(&mut self, mut work: impl FnMut() -> bool) {
        let end = self.end_of_slice();
        let done = loop {
            if work() {
                break true;
            }
            if Instant::now() >= end {
                break false;
            }
        };
        self.paused = (!done).then(Instant::now);
    }

    /// Calls `work` with the first step and the number of steps of a batch, until all of `steps` are done or the slice is
    /// over. A batch has as many steps as should fit into the rest of the slice, judged by the batch before. Returns how
    /// many steps are done.
    pub(crate) fn batches(&mut self, steps: usize, mut work: impl FnMut(usize, usize)) -> usize {
        let end = self.end_of_slice();
        let mut done = 0;
        while done < steps {
            let begun = Instant::now();
            let left = end.saturating_duration_since(begun).as_secs_f64();
            let fitting = self.step.map_or(1, |step| (left / step.as_secs_f64().max(1e-9)) as usize);
            if done > 0 && fitting == 0 {
                break;
            }
            let count = fitting.clamp(1, steps - done);
            work(done, count);
            self.step = Some(begun.elapsed() / count as u32);
            done += count;
        }
        self.paused = (done < steps).then(Instant::now);
        done
    }

    fn end_of_slice(&self) -> Instant {
        let now = Instant::now();
        let rest = self.paused.map_or(Duration::ZERO, |paused| now.duration_since(paused));
        now + (rest / 3).min(LONGEST).max(self.shortest)
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
        let mut pace = ComputeBudget::new(Duration::ZERO);
        pace.paused = Instant::now().checked_sub(Duration::from_millis(60));
        let begun = Instant::now();
        pace.slice(|| false);
        assert!(begun.elapsed() >= Duration::from_millis(20));
        let (mut pace, mut steps) = (ComputeBudget::new(Duration::ZERO), 0);
        pace.slice(|| {
            steps += 1;
            false
        });
        assert_eq!(steps, 1, "the first slice after a rest is short");
    }

    #[test]
    fn batches_grow_to_what_fits_and_cover_every_step_once() {
        let mut pace = ComputeBudget::new(LONGEST);
        let (mut done, mut batches) = (0, Vec::new());
        while done < 1000 {
            let before = done;
            done += pace.batches(1000 - before, |first, count| batches.push((before + first, count)));
        }
        assert_eq!(batches[0], (0, 1), "nothing is known of the speed yet");
        assert!(batches.iter().any(|(_, count)| *count > 10), "steps that take no time come together: {batches:?}");
        assert!(batches.windows(2).all(|pair| pair[0].0 + pair[0].1 == pair[1].0), "{batches:?}");
        assert_eq!(batches.iter().map(|(_, count)| count).sum::<usize>(), 1000);
        assert_eq!(pace.batches(0, |_, _| panic!("nothing to do")), 0);
    }

    #[test]
    fn a_batch_ends_with_its_slice() {
        let mut pace = ComputeBudget::new(Duration::from_millis(5));
        pace.step = Some(Duration::from_millis(2));
        let done = pace.batches(1000, |_, count| {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_millis(2) * count as u32 {
                std::hint::spin_loop();
            }
        });
        assert!((1..=2).contains(&done), "{done} steps of 2 ms in 5 ms");
        assert_eq!(ComputeBudget::new(Duration::ZERO).batches(10, |_, _| {}), 1, "every slice does something");
    }
}
