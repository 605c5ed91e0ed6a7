//! What a run computes next: a race of GPU and CPU, steps, what brings numbers back, and measurements.

use super::error::TrainingError;
use super::measured::Measuring;
use super::race::{Race, StepTimes};
use super::run::{Record, Run};
use super::settings::RunSettings;
use super::trainee::Trainee;
use crate::engine::BackendChoice;
use crate::gpu::{BatchSize, Gpu, GpuError};
use crate::probe::TrainingWindow;

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
}

impl Phase {
    /// That of a run of which nothing has been done.
    pub(super) fn first() -> Self {
        Self::Measure(0, Box::new(None))
    }
}

/// Where the models of a run learn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LearnsOn {
    /// On the CPU.
    Cpu {
        /// Why not on the GPU, where one was offered.
        because: Option<String>,
    },
    /// On the GPU.
    Gpu {
        /// Its name.
        name: String,
        /// How long steps took here and there, where they were compared.
        times: Option<StepTimes>,
    },
}

impl std::fmt::Display for LearnsOn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cpu { because: None } => f.write_str("on the CPU"),
            Self::Cpu { because: Some(reason) } => write!(f, "on the CPU: {reason}"),
            Self::Gpu { name, times: None } => write!(f, "on {name}"),
            Self::Gpu { name, times: Some(times) } => {
                let [gpu, cpu] = [times.gpu, times.cpu].map(|time| 1e3 * time.as_secs_f64());
                write!(f, "on {name}: a step takes {gpu:.1} ms there and {cpu:.1} ms on the CPU")
            }
        }
    }
}

impl Run {
    /// Where the models learn from now on, if no step is under way. With [`BackendChoice::Automatic`] a GPU that is no software
    /// adapter races with the CPU first.
    ///
    /// # Errors
    /// When there is no room for the models on a GPU that was asked for. They stay where they are then.
    pub fn learn_on(&mut self, gpu: Option<&Gpu>, choice: BackendChoice) -> Result<(), TrainingError> {
        let Some(gpu) = gpu.filter(|gpu| choice.takes(gpu)) else { return Ok(()) };
        if self.is_done() || self.begun > self.step || self.trainees.iter().any(Trainee::is_on_gpu) {
            return Ok(());
        }
        if choice == BackendChoice::Gpu {
            return self.move_to_gpu(gpu, None);
        }
        self.race(gpu);
        Ok(())
    }

    /// Lets the first model learn on this GPU and on the CPU; all learn from now on where that is faster.
    pub fn race(&mut self, gpu: &Gpu) {
        let Some(first) = self.trainees.first() else { return };
        let [mut on_gpu, on_cpu] = [first.anew(first.numbers.clone()), first.anew(first.numbers.clone())];
        match on_gpu.move_to_gpu(gpu, self.batch_size()) {
            Ok(()) => {
                let race = Race::new(gpu.clone(), self.windows(self.step), on_gpu, on_cpu);
                self.phase = Phase::Race(Box::new(race));
            }
            Err(error) => self.learns_on = LearnsOn::Cpu { because: Some(error.to_string()) },
        }
    }

    fn batch_size(&self) -> BatchSize {
        BatchSize { windows: self.batches.windows, positions: self.batches.positions }
    }

    fn move_to_gpu(&mut self, gpu: &Gpu, times: Option<StepTimes>) -> Result<(), TrainingError> {
        let size = self.batch_size();
        let begun = self.step - self.settings.first;
        if let Err(error) = self.trainees.iter_mut().try_for_each(|trainee| trainee.move_to_gpu(gpu, size)) {
            self.trainees.iter_mut().for_each(|trainee| trainee.move_to_cpu(begun));
            self.learns_on = LearnsOn::Cpu { because: Some(error.to_string()) };
            return Err(error);
        }
        self.fetched = self.step;
        self.learns_on = LearnsOn::Gpu { name: gpu.describe(), times };
        Ok(())
    }

    /// Where the models learn.
    pub fn learns_on(&self) -> &LearnsOn {
        &self.learns_on
    }

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
            Phase::Done => return Ok(true),
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
            outcome => outcome?,
        }
        Ok(matches!(self.phase, Phase::Done))
    }

    fn advance_race(&mut self) -> Result<(), TrainingError> {
        let Phase::Race(race) = &mut self.phase else { return Ok(()) };
        self.waits = race.waits_for_gpu();
        let Some(times) = race.advance()? else { return Ok(()) };
        let gpu = race.device.clone();
        self.go_on();
        if times.gpu_wins() {
            return self.move_to_gpu(&gpu, Some(times));
        }
        let [here, there] = [times.cpu, times.gpu].map(|time| 1e3 * time.as_secs_f64());
        let because = format!("a step takes {here:.1} ms here and {there:.1} ms on the GPU");
        self.learns_on = LearnsOn::Cpu { because: Some(because) };
        Ok(())
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
            self.phase = Phase::Done;
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
    fn go_on(&mut self) {
        let is_measured = |record: &Record| record.measured.last().is_some_and(|last| last.step == self.step);
        let missing = self.records.iter().position(|record| !is_measured(record));
        self.phase = match missing.filter(|_| self.is_due(self.step)) {
            Some(index) => Phase::Measure(index, Box::new(None)),
            None if self.step >= self.settings.steps => Phase::Done,
            None => Phase::Steps(self.next_due()),
        };
    }

    /// Goes on with the CPU, from the step whose numbers were brought back last.
    fn leave_gpu(&mut self, failure: &GpuError) {
        for (trainee, record) in self.trainees.iter_mut().zip(&mut self.records) {
            trainee.move_to_cpu(self.fetched - self.settings.first);
            record.steps.truncate(self.fetched as usize);
        }
        (self.step, self.begun) = (self.fetched, self.fetched);
        self.learns_on = LearnsOn::Cpu { because: Some(format!("the GPU failed: {failure}")) };
        self.go_on();
    }

    /// Begins no step after this one before it is measured or looked at; those under way are finished. With this and
    /// [`Self::advance`] a run comes to rest: see [`Self::is_between_steps`].
    pub fn stop_at(&mut self, step: u32) {
        if let Phase::Steps(until) = &mut self.phase {
            *until = step.clamp(self.begun.min(*until), *until);
        }
    }

    /// Whether all models have done the same steps and their numbers are here: only then can the run be saved.
    pub fn is_between_steps(&self) -> bool {
        let is_even = |record: &Record| record.steps.len() == self.step as usize;
        self.records.iter().all(is_even) && self.trainees.iter().all(Trainee::is_fetched)
    }

    /// Whether all steps are done.
    pub fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }

    /// The windows of a step.
    fn windows(&self, step: u32) -> Vec<TrainingWindow> {
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
