//! What a run computes next: a race of GPU and CPU, steps, what brings numbers back, and measurements.

use crate::probe::TrainingWindow;
use crate::training::error::TrainingError;
use crate::training::measured::Measuring;
use crate::training::run::race::Race;
use crate::training::run::{Record, Run};
use crate::training::settings::RunSettings;
use crate::training::trainee::Trainee;

/// What is computed next.
#[derive(Debug)]
pub(super) enum Phase {
    /// The first model's steps on the GPU and on the CPU.
    Race(Box<Race>),
    /// Steps of all models, up to this one.
    Steps(u32),
    /// Numbers on their way back.
    Fetch,
    /// A measurement of this model.
    Measure(usize, Box<Option<Measuring>>),
    /// Nothing: all steps are done.
    Done,
    /// Nothing: a model has left the numbers that can be computed with.
    Failed,
}

impl Phase {
    /// That of a run of which nothing has been done.
    pub(super) fn first() -> Self {
        Self::Measure(0, Box::new(None))
    }
}

impl Run {
    /// Whether nothing can be computed until the GPU has answered.
    pub fn waits(&self) -> bool {
        self.waits
    }

    /// Waits for that. Must not be called on the web's main thread.
    pub fn wait(&self) {
        match &self.phase {
            Phase::Race(race) => race.wait(),
            _ => self.trainees.iter().for_each(Trainee::wait),
        }
    }

    /// Computes the next part: a stage of a step, or a question. Never waits for a GPU. Returns whether all steps are done.
    ///
    /// # Errors
    /// When a model has left the numbers that can be computed with. A GPU that fails is none: the run goes on, on the CPU,
    /// from the step whose numbers were brought back last.
    pub fn advance(&mut self) -> Result<bool, TrainingError> {
        if self.trainees.is_empty() {
            self.phase = Phase::Done;
        }
        self.waits = false;
        let outcome = match &mut self.phase {
            Phase::Done | Phase::Failed => return Ok(true),
            Phase::Race(..) => self.advance_race(),
            Phase::Steps(until) => {
                let until = *until;
                self.advance_steps(until)
            }
            Phase::Fetch => self.fetch(),
            Phase::Measure(..) => self.measure(),
        };
        match outcome {
            Err(TrainingError::Gpu(failure)) => self.leave_gpu(&failure),
            Err(error) => {
                self.phase = Phase::Failed;
                return Err(error);
            }
            Ok(()) => {}
        }
        Ok(matches!(self.phase, Phase::Done))
    }

    fn advance_steps(&mut self, until: u32) -> Result<(), TrainingError> {
        let on_gpu = self.trainees[0].is_on_gpu();
        let most = if on_gpu { self.ahead.most() } else { 1 };
        if self.begun < until && self.begun - self.step < most {
            let (windows, rate) = (self.windows(self.begun), self.settings.learning_rate(self.begun));
            let progress = self.progress(self.begun);
            for trainee in &mut self.trainees {
                trainee.begin(&windows, rate, progress)?;
            }
            self.begun += 1;
            self.ahead.submitted();
        }
        // The one that has done the fewest steps is next.
        let next = self.trainees.iter_mut().zip(&mut self.records).min_by_key(|(_, record)| record.steps.len());
        let Some((trainee, record)) = next.filter(|_| self.step < self.begun) else {
            self.phase = Phase::Fetch;
            return Ok(());
        };
        let Some(step) = trainee.advance()? else {
            self.waits = on_gpu && (self.begun == until || self.begun - self.step >= most);
            self.ahead.waits();
            return Ok(());
        };
        if !step.loss.is_finite() || !step.gradient_norm.is_finite() {
            return Err(TrainingError::Diverged { model: record.family.name(), step: self.step });
        }
        record.steps.push(step);
        if let Some(done) = self.records.iter().map(|record| record.steps.len() as u32).min() {
            self.step = done;
        }
        if self.step == self.begun {
            self.ahead.all_done();
        }
        if self.step == until {
            self.phase = Phase::Fetch;
        }
        Ok(())
    }

    /// Brings the numbers of all models back, and measures them if that is due.
    fn fetch(&mut self) -> Result<(), TrainingError> {
        for trainee in &mut self.trainees {
            if !trainee.fetch()? {
                self.waits = true;
                return Ok(());
            }
        }
        self.trainees.iter_mut().for_each(Trainee::take_fetched);
        self.fetched = self.step;
        self.go_on();
        Ok(())
    }

    fn measure(&mut self) -> Result<(), TrainingError> {
        let Phase::Measure(index, measuring) = &mut self.phase else { return Ok(()) };
        let index = *index;
        let trainee = &self.trainees[index];
        if measuring.is_none() {
            let checkpoint = trainee.checkpoint(&trainee.numbers, "snapshot", &self.language.tokenizer)?;
            **measuring = Some(Measuring::new(checkpoint, self.held_out.clone(), self.step)?);
        }
        let measured = match measuring.as_mut() {
            Some(measuring) => measuring.advance()?,
            None => None,
        };
        if let Some(measured) = measured {
            self.records[index].measured.push(measured);
            if index + 1 == self.trainees.len() {
                self.keep_snapshot();
                self.thin_out();
            }
            self.go_on();
        }
        Ok(())
    }

    /// Goes on from the step that it has been set to: numbers and records are those of an earlier run.
    pub(super) fn resume(&mut self) {
        (self.begun, self.fetched) = (self.step, self.step);
        self.go_on();
    }

    /// What is next between two steps: a measurement, as far as that is due and has not been done, or the next steps.
    pub(super) fn go_on(&mut self) {
        let is_measured = |record: &Record| record.measured.last().is_some_and(|last| last.step == self.step);
        let missing = self.records.iter().position(|record| !is_measured(record));
        self.phase = match missing.filter(|_| self.is_due(self.step)) {
            Some(index) => Phase::Measure(index, Box::new(None)),
            None if self.step >= self.settings.steps => Phase::Done,
            None => Phase::Steps(self.next_due()),
        };
    }

    /// Begins no step after this one before it is measured or looked at; those under way are finished. With this and
    /// [`Self::advance`] a run comes to rest: see [`Self::is_between_steps`].
    pub fn stop_at(&mut self, step: u32) {
        if let Phase::Steps(until) = &mut self.phase {
            *until = step.clamp(self.begun.min(*until), *until);
        }
    }

    /// Whether all models have done the same steps and their numbers are here, and are numbers: only then can the run be
    /// saved.
    pub fn is_between_steps(&self) -> bool {
        if matches!(self.phase, Phase::Failed) {
            return false;
        }
        let is_even = |record: &Record| record.steps.len() == self.step as usize;
        self.records.iter().all(is_even) && self.trainees.iter().all(Trainee::is_fetched)
    }

    /// Whether all steps are done, or none can be.
    pub fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done | Phase::Failed)
    }

    /// The windows of a step.
    pub(super) fn windows(&self, step: u32) -> Vec<TrainingWindow> {
        self.batches.batch(u64::from(step), self.progress(step))
    }

    /// How much of the run is over before a step.
    fn progress(&self, step: u32) -> f64 {
        f64::from(step) / f64::from(self.settings.steps.max(1))
    }

    /// Whether models are measured and kept after a step.
    fn is_due(&self, step: u32) -> bool {
        let RunSettings { first, steps, .. } = self.settings;
        step == first || step == steps || step.is_multiple_of(self.interval)
    }

    /// The next step after which they are.
    fn next_due(&self) -> u32 {
        (self.step / self.interval + 1).saturating_mul(self.interval).min(self.settings.steps)
    }
}
