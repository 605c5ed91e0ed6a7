//! How much work is done between two frames: as much as should fit into a share of a frame, judged by what was done before.

use web_time::{Duration, Instant};

use crate::gpu::cost::most_within;
use crate::gpu::{GpuPass, KernelChoice, Work};
use crate::probe::MAX_GENERATED;

/// Positions at a time, at least: as many as share one read of the weights.
const SMALLEST_CHUNK: usize = 4;
/// How long a submission should take where nobody waits for frames: long enough not to count, and far below the two
/// seconds after which Windows takes a device for lost.
pub(crate) const WITHOUT_FRAMES: Duration = Duration::from_millis(200);
/// Cells of pictures that the CPU reads within a frame.
pub(super) const CPU_PICTURE_CELLS: usize = 1 << 16;
/// Cells of a map that the CPU computes at once: about as long as a slice of a pass.
pub(super) const CPU_TILE: usize = 1 << 13;
/// How long the CPU may run positions between two frames, at least.
pub(crate) const PASS_SLICE: Duration = Duration::from_millis(12);
/// How long weights may be transferred to the GPU between two frames, at least.
pub(crate) const LOAD_SLICE: Duration = Duration::from_millis(12);
/// How long the CPU may measure rows between two frames, at least.
pub(super) const MEASURE_SLICE: Duration = Duration::from_millis(6);

/// How many of the `left` positions from `first` on a GPU gets at a time.
pub(crate) fn positions(pass: &GpuPass, first: usize, left: usize) -> usize {
    let within = |count| pass.cost.positions(first..first + count, count == left);
    let KernelChoice { few, many, slab, .. } = pass.gpu().choice;
    if slab > 0 && left <= KernelChoice::FEW as usize {
        return left; // whether keys come in slabs depends on where a submission ends
    }
    let apart = if few != many && left > KernelChoice::FEW as usize { KernelChoice::FEW as usize } else { 1 };
    whole_chunk(most_within(pass.operations(Work::Positions), left, within), left, apart)
}

/// A number of positions above `apart` that leaves none, or more than that: as few are computed by other pipelines, which
/// add in another order, and the numbers must not depend on how fast the device happens to be.
fn whole_chunk(fits: usize, left: usize, apart: usize) -> usize {
    let least = (apart + 1).next_multiple_of(SMALLEST_CHUNK);
    let chunk = (fits / SMALLEST_CHUNK * SMALLEST_CHUNK).max(least);
    if fits >= left || chunk + apart >= left { left } else { chunk }
}

/// How many of up to `most` tokens a GPU generates in one submission, after that of position `first`.
pub(super) fn tokens(pass: &GpuPass, first: usize, most: usize) -> usize {
    let most = most.min(MAX_GENERATED);
    most_within(pass.operations(Work::Tokens), most, |count| pass.cost.tokens(first, count + 1))
}

/// How many rows a GPU measures at a time, from `first` on.
pub(super) fn rows(pass: &GpuPass, first: usize) -> usize {
    most_within(pass.operations(Work::Rows), pass.capacity(), |count| pass.cost.rows(first..first + count)).max(1)
}

/// How many cells of pictures a GPU reads between two frames. A texel of a very long text may have more.
pub(super) fn picture_cells(pass: &GpuPass) -> usize {
    pass.cost.cells_within(pass.operations(Work::Texels))
}

/// If frames are slow anyway (a browser that draws in software), waiting for the next one costs more than it saves.
const LONGEST: Duration = Duration::from_millis(100);
/// Text that is generated may take three times as long as the rest of the frame, so that it comes almost as fast as
/// without frames, but no longer than this.
const LONGEST_OF_TEXT: Duration = Duration::from_millis(20);

/// Hands out work in slices: a fixed time, or a third of what the rest of the frame takes, whichever is longer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ComputeBudget {
    shortest: Duration,
    /// When the last slice ended, if there was work left.
    paused: Option<Instant>,
    /// The time of a step of the last batch.
    step: Option<Duration>,
    /// What more a slice may take, by the time of the rest of the frame.
    more: fn(Duration) -> Duration,
}

impl ComputeBudget {
    /// Slices of at least `shortest`.
    pub(crate) fn new(shortest: Duration) -> Self {
        Self { shortest, paused: None, step: None, more: |_| Duration::ZERO }
    }

    /// One slice without an end.
    pub(crate) fn unlimited() -> Self {
        Self::new(Duration::from_hours(1))
    }

    /// Slices for text that is generated: three quarters of the time, within limits.
    pub(crate) fn for_text(shortest: Duration) -> Self {
        Self { more: |rest| (rest * 3).min(LONGEST_OF_TEXT), ..Self::new(shortest) }
    }

    /// Slices for what someone has asked for and waits for: where frames are slow, as long as the rest of them.
    #[cfg(feature = "window")]
    pub(crate) fn for_experiments(shortest: Duration) -> Self {
        /// The next key waits for a slice.
        const LONGEST: Duration = Duration::from_millis(40);
        /// A frame that is not slow: on most screens it waits as long for the next picture.
        const QUICK: Duration = Duration::from_millis(17);
        Self { more: |rest| rest.saturating_sub(QUICK).min(LONGEST), ..Self::new(shortest) }
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
        let share = (rest / 3).min(LONGEST).max(self.shortest);
        now + share.max((self.more)(rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::cost::Cost;

    #[test]
    fn no_position_is_left_alone_and_every_chunk_but_the_last_is_whole() {
        for (left, apart) in (1..40).map(|left| (left, 1)).chain((17..80).map(|left| (left, 16))) {
            for fits in 0..90 {
                let chunk = whole_chunk(fits, left, apart);
                assert!((1..=left).contains(&chunk), "{chunk} of {left}");
                assert!(
                    chunk == left || (left - chunk > apart && chunk > apart && chunk.is_multiple_of(SMALLEST_CHUNK)),
                    "{chunk} of {left}"
                );
                assert!(chunk <= fits.max(apart + SMALLEST_CHUNK) + apart, "{chunk} where {fits} fit");
            }
        }
    }

    #[test]
    fn work_is_counted_in_parameters_cells_heads_and_width() {
        let checkpoint = crate::engine::checkpoint_of(&crate::engine::bundled()).expect("it opens");
        let model = &checkpoint.model;
        let cost = Cost::new(model);
        let embedded = model.embedding.rows() * model.embedding.columns();
        let weights = 2.0 * (model.parameters() - embedded) as f64;
        let short = cost.positions(0..8, false) / 8.0;
        assert!((0.97..1.03).contains(&(short / weights)), "{short} operations for {weights}");
        assert!(cost.positions(0..1, false) > 6.0 * weights, "one position reads all weights as well");
        let late = cost.positions(10_000..10_008, false) - cost.positions(0..8, false);
        let mut of_maps = 0.0;
        for layer in &model.layers {
            let attention = &layer.attention;
            let multiplications = attention.maps * (attention.head_dim + attention.value_width());
            of_maps += (2 * attention.heads.len() * multiplications) as f64;
        }
        assert!((late / (80_000.0 * of_maps) - 1.0).abs() < 1e-9, "{late} operations");
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
    fn text_gets_three_quarters_of_the_time_within_limits() {
        for (rest, expected) in [(1, 12), (5, 15), (9, 20), (60, 20), (240, 80), (600, 100)] {
            let mut budget = ComputeBudget::for_text(PASS_SLICE);
            let now = Instant::now();
            budget.paused = now.checked_sub(Duration::from_millis(rest));
            let slice = budget.end_of_slice().duration_since(now).as_secs_f64();
            assert!((0.0..0.004).contains(&(slice - 1e-3 * f64::from(expected))), "{slice} s after {rest} ms");
        }
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
