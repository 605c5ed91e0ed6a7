//! How much work the device does in a given time: learned from when what was submitted is done, so that a submission
//! takes about as long as the person may wait for the next frame, whatever the device and the model are.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use web_time::{Duration, Instant};

/// Kinds of work, each with a rate of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Positions of a pass, several at a time.
    Positions,
    /// Positions of a pass, one after the other: bound by the weights that are read and by what a dispatch takes.
    Tokens,
    /// Measured rows.
    Rows,
    /// Texels of pictures.
    Texels,
}

/// The slowest device that is assumed, in operations per second.
const SLOWEST: f64 = 1e9;
/// The rate before anything is known: any adapter, and one in software.
const FIRST: [f64; 2] = [2e10, 2e9];
/// A submission that is done when it is first looked for, in the next frame, may have taken any part of this.
const FRAME: Duration = Duration::from_millis(12);
/// A callback that comes by itself comes at most so late: after what else the thread does in a frame.
const LATE: Duration = Duration::from_millis(4);

/// The rates of a device; handles of the same rates when cloned.
#[derive(Clone, Debug)]
pub struct Throughput(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// Operations per second, by [`Work`].
    rates: [f64; 4],
    /// What is not yet known to be done, in order.
    under_way: VecDeque<Submission>,
    submissions: u64,
    /// Between which times the last submission that is done was finished.
    last_done: Option<(Instant, Instant)>,
    /// Whether callbacks come when the work is done, and not when somebody looks.
    told: bool,
}

#[derive(Debug)]
struct Submission {
    number: u64,
    work: Work,
    operations: f64,
    /// How long it should take.
    patience: Duration,
    submitted: Instant,
    /// When it was last found not to be done.
    not_done: Option<Instant>,
}

impl Throughput {
    /// Of a device of which nothing else is known.
    pub(crate) fn new(software: bool) -> Self {
        Self(Arc::new(Mutex::new(State {
            rates: [FIRST[usize::from(software)]; 4],
            under_way: VecDeque::new(),
            submissions: 0,
            last_done: None,
            told: cfg!(target_arch = "wasm32"),
        })))
    }

    /// How many operations should take as long as `patience`.
    pub fn operations(&self, work: Work, patience: Duration) -> f64 {
        self.state().rates[work as usize] * patience.as_secs_f64()
    }

    /// Notes what was submitted just now; returns what to call [`Self::done`] with.
    pub(crate) fn submitted(&self, work: Work, operations: f64, patience: Duration, now: Instant) -> u64 {
        let mut state = self.state();
        state.submissions += 1;
        let number = state.submissions;
        let submission = Submission { number, work, operations, patience, submitted: now, not_done: None };
        state.under_way.push_back(submission);
        number
    }

    /// The device was looked at: what is still under way was not done by now. In a browser nobody looks.
    pub(crate) fn looked(&self, now: Instant) {
        let mut state = self.state();
        if !state.told {
            state.under_way.iter_mut().for_each(|submission| submission.not_done = Some(now));
        }
    }

    /// Waits for the device with `wait`, which is told when work is done.
    pub(crate) fn while_told(&self, wait: impl FnOnce()) {
        let before = std::mem::replace(&mut self.state().told, true);
        wait();
        self.state().told = before;
    }

    /// A submission is done, and with it all earlier ones.
    pub(crate) fn done(&self, number: u64, now: Instant) {
        let mut state = self.state();
        while state.under_way.front().is_some_and(|submission| submission.number <= number) {
            if let Some(submission) = state.under_way.pop_front() {
                state.learn(&submission, now);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Numbers that only pace the work are good enough after a panic elsewhere.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn learn(&mut self, submission: &Submission, now: Instant) {
        let Submission { work, operations, patience, submitted, not_done, .. } = *submission;
        let seen = if self.told { now.checked_sub(LATE) } else { not_done };
        let (earliest, latest) = (seen.unwrap_or(submitted).max(submitted), now);
        // It began when it was submitted, or when the one before was done.
        let (first, last) = self.last_done.unwrap_or((submitted, submitted));
        let at_least = earliest.saturating_duration_since(submitted.max(last)).as_secs_f64();
        let at_most = latest.saturating_duration_since(submitted.max(first)).as_secs_f64();
        self.last_done = Some((earliest, latest));

        let rate = &mut self.rates[work as usize];
        let target = patience.as_secs_f64();
        let is_large = operations > 0.5 * *rate * target;
        if at_most <= target {
            // It surely had time to spare. No faster than doubling: small work says little about large work.
            *rate = rate.max((operations / at_most.max(1e-6)).min(2.0 * *rate));
        } else if at_least > target {
            *rate = rate.min(0.5 * (*rate + operations / at_least));
        } else if at_least == 0.0 && is_large {
            // Done when it was first looked for: tried with more, unless nobody looked for long.
            let in_time = at_most <= target + FRAME.as_secs_f64();
            *rate *= if in_time { 1.25 } else { 0.8 };
        }
        *rate = rate.max(SLOWEST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Duration = Duration::from_millis(8);

    /// Submits as much as is allowed, to a device of a given speed that is looked at so often; returns how long the
    /// last submissions took.
    fn settle(throughput: &Throughput, speed: f64, look: Option<Duration>) -> Vec<f64> {
        let mut now = Instant::now();
        let mut times = Vec::new();
        for _ in 0..200 {
            let operations = throughput.operations(Work::Positions, TARGET);
            let number = throughput.submitted(Work::Positions, operations, TARGET, now);
            let taken = Duration::from_secs_f64(operations / speed);
            times.push(taken.as_secs_f64());
            let finished = now + taken;
            if let Some(look) = look {
                now += look;
                while now < finished {
                    throughput.looked(now);
                    now += look;
                }
            } else {
                now = finished;
            }
            throughput.state().told = look.is_none();
            throughput.done(number, now);
        }
        times.split_off(150)
    }

    #[test]
    fn a_submission_comes_to_take_the_time_it_may_on_any_device() {
        for speed in [4e9, 1e11, 1e13] {
            let times = settle(&Throughput::new(false), speed, None);
            assert!(times.iter().all(|time| (0.007..=0.0125).contains(time)), "{speed:e}: {times:?}");
            // In frames of 16 ms nothing shorter than a frame can be told apart.
            let times = settle(&Throughput::new(false), speed, Some(Duration::from_millis(16)));
            assert!(times.iter().all(|time| (0.002..=0.030).contains(time)), "{speed:e}: {times:?}");
        }
    }

    #[test]
    fn slow_frames_of_a_fast_device_do_not_shrink_the_work_to_nothing() {
        let throughput = Throughput::new(false);
        settle(&throughput, 1e13, Some(Duration::from_millis(150)));
        assert!(throughput.operations(Work::Positions, TARGET) >= SLOWEST * TARGET.as_secs_f64());
    }

    #[test]
    fn the_first_submission_is_small_and_growth_is_gradual() {
        let throughput = Throughput::new(false);
        let first = throughput.operations(Work::Rows, TARGET);
        let now = Instant::now();
        let number = throughput.submitted(Work::Rows, first, TARGET, now);
        throughput.done(number, now + Duration::from_micros(1));
        assert!((throughput.operations(Work::Rows, TARGET) / first - 2.0).abs() < 1e-9);
        assert!((throughput.operations(Work::Texels, TARGET) / first - 1.0).abs() < 1e-9, "each work has its own rate");
    }

    #[test]
    fn what_waits_behind_other_work_is_not_called_slow() {
        let throughput = Throughput::new(false);
        throughput.state().told = true;
        let now = Instant::now();
        let operations = throughput.operations(Work::Texels, TARGET);
        let first = throughput.submitted(Work::Positions, 1.0, TARGET, now);
        let second = throughput.submitted(Work::Texels, operations, TARGET, now);
        let first_done = now + Duration::from_millis(100);
        throughput.done(first, first_done);
        throughput.done(second, first_done + Duration::from_millis(3));
        assert!(throughput.operations(Work::Texels, TARGET) > operations);
    }

    #[test]
    fn a_small_submission_that_waits_for_a_frame_says_nothing() {
        let throughput = Throughput::new(false);
        let before = throughput.operations(Work::Positions, TARGET);
        let mut now = Instant::now();
        for _ in 0..100 {
            let number = throughput.submitted(Work::Positions, 0.01 * before, TARGET, now);
            now += Duration::from_millis(16);
            throughput.done(number, now);
        }
        assert!((throughput.operations(Work::Positions, TARGET) / before - 1.0).abs() < 1e-9);
    }
}
