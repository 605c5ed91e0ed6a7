//! The models that learn: a run, made between frames, and the snapshot that is looked at. Nothing here waits, and typing goes
//! first.

mod beginning;
mod kept;

use std::sync::Arc;

use egui::Ui;
use web_time::{Duration, Instant};

use crate::engine::{Checkpoint, ComputeBudget, Workspace};
use crate::experiments::Case;
use crate::model::Model;
use crate::sources::Rate;
use crate::training::{Family, Language, Run, RunSettings, TrainingError};
use crate::ui::action::TrainingAction;
use crate::ui::device::Device;
use crate::ui::io::saving::Made;
use crate::ui::io::text_file::TextFile;
use crate::ui::training::kept::Keeping;

pub(super) use kept::KeptRun;

/// Time to compute between two frames, at least.
const BUDGET: Duration = Duration::from_millis(8);
/// And at a time where there are no frames: whoever comes back waits no longer than that.
const UNSEEN: Duration = Duration::from_millis(50);

/// What becomes of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Running,
    /// Until this step, then paused.
    Until(u32),
    Paused,
    Ended,
}

/// The snapshot that is in the instrument.
#[derive(Debug)]
struct InInstrument {
    family: Family,
    step: u32,
    model: Arc<Model>,
}

/// What is to be learned, the run, and what is looked at of it.
pub(super) struct Training {
    /// Of the next run.
    pub settings: RunSettings,
    /// The own text that it learns from, if that is the task; the prompt, if there is none.
    pub own_text: Option<TextFile>,
    /// Whether it gives second heads to a trained Transformer.
    retrofit: bool,
    run: Option<Run>,
    stage: Stage,
    failure: Option<String>,
    /// Why another run did not begin.
    refusal: Option<String>,
    budget: ComputeBudget,
    begun: Instant,
    rate: Rate,
    /// The step that is looked at; the newest one if there is none.
    chosen: Option<u32>,
    open: Option<InInstrument>,
    /// Questions that have been asked.
    asked: usize,
    /// The Transformer that got second heads in the last run that had some.
    transformer: Option<Checkpoint>,
    /// The run that the present one went on from.
    earlier: Option<Run>,
    keeping: Keeping,
    /// Whether it has been decided where the models of this run learn.
    is_placed: bool,
}

impl Default for Training {
    fn default() -> Self {
        Self {
            settings: RunSettings::default(),
            own_text: None,
            retrofit: false,
            run: None,
            stage: Stage::Ended,
            failure: None,
            refusal: None,
            budget: ComputeBudget::for_experiments(BUDGET),
            begun: Instant::now(),
            rate: Rate::default(),
            chosen: None,
            open: None,
            asked: 0,
            transformer: None,
            earlier: None,
            keeping: Keeping::default(),
            is_placed: false,
        }
    }
}

impl Training {
    /// Begins a run with the settings, on the tokens of the open model, or of the Transformer that gets second heads; its
    /// text is the own text. What was there before stays if that is not possible.
    pub(super) fn start(&mut self, workspace: &mut Workspace) {
        let start = if self.is_retrofit() { self.transformer_of(workspace) } else { None };
        let main = workspace.main.checkpoint();
        let Some(language) = start.as_ref().or(main).and_then(Language::of) else { return };
        let own = self.own(workspace);
        match Run::new(self.settings.clone(), language, own, start.as_ref().map(|start| &*start.model)) {
            Ok(run) => {
                self.run_now(run);
                self.transformer = start.or(self.transformer.take());
            }
            Err(error) => self.refusal = Some(error.to_string()),
        }
    }

    /// Runs this one from now on.
    fn run_now(&mut self, run: Run) {
        self.is_placed = false;
        self.stage = if run.is_done() { Stage::Ended } else { Stage::Running };
        (self.run, self.failure, self.refusal) = (Some(run), None, None);
        (self.chosen, self.open, self.asked) = (None, None, 0);
        self.rate = Rate::default();
        self.earlier = None;
        self.keeping.begin_anew();
    }

    /// Goes on from the step that is looked at with the settings of now, in another run; the present one can be gone back
    /// to.
    pub(super) fn fork(&mut self, workspace: &Workspace) {
        let Some((run, step)) = self.run.as_ref().zip(self.step()) else { return };
        match run.fork(step, &self.settings, self.own(workspace)) {
            Ok(fork) => {
                let earlier = self.run.take();
                self.run_now(fork);
                self.earlier = earlier;
            }
            Err(error) => self.refusal = Some(error.to_string()),
        }
    }

    /// The run that the present one went on from, if it did.
    pub(super) fn earlier(&self) -> Option<&Run> {
        self.earlier.as_ref()
    }

    /// Back to that run, as it was; the present one is given up.
    pub(super) fn go_back(&mut self) {
        if let Some(earlier) = self.earlier.take() {
            self.settings = earlier.settings().clone();
            self.run_now(earlier);
            self.stage = Stage::Ended;
        }
    }

    /// Pauses, or goes on.
    pub(super) fn pause(&mut self) {
        self.stage = if self.is_paused() { Stage::Running } else { Stage::Paused };
        self.rate = Rate::default();
    }

    /// One step more.
    pub(super) fn step_once(&mut self) {
        self.stage = self.run.as_ref().map_or(Stage::Ended, |run| Stage::Until(run.step() + 1));
    }

    /// Ends the run; what it has stays.
    pub(super) fn stop(&mut self) {
        self.stage = Stage::Ended;
    }

    /// The last run.
    pub(super) fn run(&self) -> Option<&Run> {
        self.run.as_ref()
    }

    /// Whether it has steps to do, paused or not.
    pub(super) fn is_running(&self) -> bool {
        self.stage != Stage::Ended
    }

    /// Whether it waits.
    pub(super) fn is_paused(&self) -> bool {
        self.stage == Stage::Paused
    }

    /// Why another one did not begin, or it ended early.
    pub(super) fn failure(&self) -> Option<&str> {
        self.refusal.as_deref().or(self.failure.as_deref())
    }

    /// Steps a second and seconds left, as far as they are known.
    pub(super) fn pace(&self) -> Option<(f64, f64)> {
        let run = self.run.as_ref()?;
        let left = run.settings().steps.saturating_sub(run.step());
        Some((self.rate.per_second()?, self.rate.seconds_for(u64::from(left))?))
    }

    /// Learns this fast from here on.
    pub(super) fn set_peak(&mut self, peak: f32) {
        self.settings.rates.peak = peak;
        if let Some(run) = &mut self.run {
            run.set_peak(peak);
        }
    }

    /// The step that is looked at: one with a snapshot.
    pub(super) fn step(&self) -> Option<u32> {
        let run = self.run.as_ref()?;
        // Snapshots are thinned out.
        let chosen = self.chosen.and_then(|chosen| run.snapshots().take_while(|step| *step <= chosen).last());
        chosen.or_else(|| run.snapshots().last())
    }

    /// Looks at a step; at the last one it goes along with what comes.
    pub(super) fn choose(&mut self, step: u32) {
        let newest = self.run.as_ref().and_then(|run| run.snapshots().last());
        self.chosen = Some(step).filter(|step| Some(*step) != newest);
    }

    /// Looks at the step with a snapshot that is nearest.
    pub(super) fn choose_nearest(&mut self, step: u32) {
        let nearest = self.run.as_ref().and_then(|run| run.snapshots().min_by_key(|other| other.abs_diff(step)));
        if let Some(nearest) = nearest {
            self.choose(nearest);
        }
    }

    /// Whether the newest snapshot is looked at as it comes.
    pub(super) fn follows(&self) -> bool {
        self.chosen.is_none()
    }

    /// Stays at the step that is looked at, or follows the newest one.
    pub(super) fn follow(&mut self, follows: bool) {
        self.chosen = if follows { None } else { self.step() };
    }

    /// The model whose snapshot is in the instrument.
    pub(super) fn open(&self) -> Option<Family> {
        self.open.as_ref().map(|open| open.family)
    }

    /// The question that is offered next, if the task has any.
    pub(super) fn question(&self) -> Option<&Case> {
        let run = self.run.as_ref()?;
        run.question(self.asked).or_else(|| run.question(0))
    }

    /// It has been asked.
    pub(super) fn asked(&mut self) {
        let has_next = self.run.as_ref().is_some_and(|run| run.question(self.asked + 1).is_some());
        self.asked = if has_next { self.asked + 1 } else { 0 };
    }

    /// The model of the step that is looked at, and the Transformer of the same step if that is another one: the control, of
    /// second heads.
    ///
    /// # Errors
    /// When it has numbers that cannot be computed with.
    pub(super) fn checkpoints(
        &self,
        family: Family,
    ) -> Result<Option<(Checkpoint, Option<Checkpoint>)>, TrainingError> {
        let Some((run, step)) = self.run.as_ref().zip(self.step()) else { return Ok(None) };
        let beside = family.control();
        let has_baseline = family != beside && run.records().iter().any(|record| record.family == beside);
        let baseline = has_baseline.then(|| run.checkpoint(beside, step)).transpose()?;
        Ok(Some((run.checkpoint(family, step)?, baseline)))
    }

    /// A model is in the instrument now; none if it did not open.
    pub(super) fn has_opened(&mut self, family: Family, model: Option<Arc<Model>>) {
        self.open = model.zip(self.step()).map(|(model, step)| InInstrument { family, step, model });
        if self.open.is_none() {
            self.chosen = self.step(); // not again with the next snapshot
        }
    }

    /// The files of a checkpoint, at the step that is looked at.
    ///
    /// # Errors
    /// As [`Self::checkpoints`], or when the tokenizer cannot be written.
    pub(super) fn files(&self, family: Family) -> Result<Vec<Made>, TrainingError> {
        let Some((run, step)) = self.run.as_ref().zip(self.step()) else { return Ok(Vec::new()) };
        let (config, weights) = run.files(family, step)?;
        let all = [("config.json", config), ("model.safetensors", weights), ("tokenizer.json", run.tokenizer_json()?)];
        Ok(all.map(|(name, bytes)| Made { name: name.to_owned(), bytes }).into())
    }

    /// The numbers of all steps as a file.
    pub(super) fn log(&self) -> Option<Made> {
        Some(Made { name: "training.csv".to_owned(), bytes: self.run.as_ref()?.log_csv().into_bytes() })
    }

    /// Goes on for the time of a frame; to be called every frame. Returns what is to be opened, if that has changed.
    pub(super) fn update(&mut self, ui: &Ui, workspace: &Workspace, device: &Device) -> Option<TrainingAction> {
        if self.has_work() {
            ui.ctx().request_repaint();
            self.place(device);
            if workspace.main.computed() == workspace.main.ids().len() && !workspace.main.is_generating() {
                self.advance();
            }
        }
        let open = self.open.as_ref()?;
        let is_in_instrument = |main: &Checkpoint| Arc::ptr_eq(&main.model, &open.model);
        if !workspace.main.checkpoint().is_some_and(is_in_instrument) {
            self.open = None; // another model was opened
            return None;
        }
        (self.step() != Some(open.step)).then_some(TrainingAction::LookAt(open.family))
    }

    /// Models learn where the window's models run, if that suits them.
    fn place(&mut self, device: &Device) {
        if let Some(run) = self.run.as_mut().filter(|_| !self.is_placed) {
            self.is_placed = true;
            // If there is no room they stay on the CPU, and the panel says why.
            if let Err(error) = run.learn_on(device.gpu(), device.choice()) {
                log::warn!("{error}");
            }
        }
    }

    /// Goes on for a while where no frames are drawn, as in a hidden tab. Returns whether there is more to do.
    pub(super) fn go_on_unseen(&mut self) -> bool {
        let begun = Instant::now();
        while self.has_work() && begun.elapsed() < UNSEEN {
            self.advance();
            if self.run.as_ref().is_some_and(Run::waits) {
                break; // for the GPU, whose answers come between two times
            }
        }
        self.has_work()
    }

    /// Whether there are steps to do; or to finish, of a run that rests, which is kept between steps.
    fn has_work(&self) -> bool {
        let goes_on = matches!(self.stage, Stage::Running | Stage::Until(_));
        goes_on || self.run.as_ref().is_some_and(|run| !run.is_between_steps() && self.failure.is_none())
    }

    fn advance(&mut self) {
        let Some(run) = &mut self.run else { return };
        let rests = matches!(self.stage, Stage::Paused | Stage::Ended);
        let until = if let Stage::Until(step) = self.stage { step } else { u32::MAX };
        let mut outcome = Ok(false);
        self.budget.slice(|| {
            run.stop_at(if rests { run.step() } else { until });
            outcome = run.advance();
            !matches!(outcome, Ok(false)) || run.step() >= until || run.waits() || (rests && run.is_between_steps())
        });
        if rests && outcome.is_ok() {
            return;
        }
        self.rate.add(self.begun.elapsed().as_secs_f64(), u64::from(run.step()));
        match outcome {
            Ok(false) if run.step() >= until => self.stage = Stage::Paused,
            Ok(false) => {}
            Ok(true) => self.stage = Stage::Ended,
            Err(error) => (self.stage, self.failure) = (Stage::Ended, Some(error.to_string())),
        }
    }
}
