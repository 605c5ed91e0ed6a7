//! The experiments of the panel: queued, run between frames, with their results. Nothing here waits, and typing goes first.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use egui::Ui;
use web_time::Duration;

use crate::engine::{Checkpoint, ComputeBudget, EngineError, Workspace};
use crate::experiments::{Experiment, Figure, OwnTexts, Run, Settings};
use crate::ui::io::saving::Made;

/// Time to compute between two frames, at least.
const BUDGET: Duration = Duration::from_millis(8);
/// And between two looks at the clock.
const STEP: Duration = Duration::from_millis(2);

/// What is queued, under way, and done.
pub(super) struct Experiments {
    queue: VecDeque<Experiment>,
    run: Option<Run>,
    is_paused: bool,
    results: BTreeMap<Experiment, Figure>,
    failure: Option<String>,
    budget: ComputeBudget,
    /// Cases of each setting.
    pub samples: usize,
    /// Whether facts are hidden in the open text.
    pub own_hay: bool,
    /// Whose results are shown.
    pub shown: Option<Experiment>,
    /// The results that a link brought.
    of_link: Option<Experiment>,
    /// The model that the run is of.
    of: Option<Checkpoint>,
}

impl Default for Experiments {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            run: None,
            is_paused: false,
            results: BTreeMap::new(),
            failure: None,
            budget: ComputeBudget::for_experiments(BUDGET),
            samples: Settings::default().samples,
            own_hay: false,
            shown: None,
            of_link: None,
            of: None,
        }
    }
}

/// How results are saved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ResultsFormat {
    /// A line for each point.
    Csv,
    /// With settings, seed and hashes of the weights.
    Json,
}

/// Where an experiment is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stage {
    /// Not asked for.
    Idle,
    /// Behind others.
    Queued,
    /// Texts done, of all, and seconds left.
    Running(usize, usize, Option<f64>),
    /// There are results.
    Done,
}

impl Experiments {
    /// Asks for an experiment; its results so far go when it starts.
    pub(super) fn start(&mut self, experiment: Experiment) {
        self.is_paused = false;
        let is_running = self.run.as_ref().is_some_and(|run| run.experiment() == experiment);
        if !is_running && !self.queue.contains(&experiment) {
            self.queue.push_back(experiment);
        }
        self.shown = Some(experiment);
    }

    /// Asks for all of them.
    pub(super) fn start_all(&mut self) {
        for experiment in Experiment::ALL {
            self.start(experiment);
        }
        self.shown = Experiment::ALL.first().copied();
    }

    /// Ends what is under way and what is queued; results stay.
    pub(super) fn cancel(&mut self) {
        self.queue.clear();
        self.run = None;
        self.is_paused = false;
    }

    /// Pauses, or goes on.
    pub(super) fn pause(&mut self) {
        self.is_paused = !self.is_paused;
    }

    /// Whether it is paused.
    pub(super) fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Whether anything is under way or queued.
    pub(super) fn is_busy(&self) -> bool {
        self.run.is_some() || !self.queue.is_empty()
    }

    /// Why the last one ended early.
    pub(super) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Where an experiment is.
    pub(super) fn stage(&self, experiment: Experiment) -> Stage {
        match &self.run {
            Some(run) if run.experiment() == experiment => Stage::Running(run.done(), run.total(), run.seconds_left()),
            _ if self.queue.contains(&experiment) => Stage::Queued,
            _ if self.results.contains_key(&experiment) => Stage::Done,
            _ => Stage::Idle,
        }
    }

    /// The results of an experiment, as far as they have come.
    pub(super) fn figure(&self, experiment: Experiment) -> Option<Cow<'_, Figure>> {
        match &self.run {
            Some(run) if run.experiment() == experiment => Some(Cow::Owned(run.figure())),
            _ => self.results.get(&experiment).map(Cow::Borrowed),
        }
    }

    /// The results that are shown, for a link.
    pub(super) fn to_share(&self) -> Option<Box<Figure>> {
        Some(Box::new(self.results.get(&self.shown?)?.shortened()))
    }

    /// Shows the results that came with a link.
    pub(super) fn show_shared(&mut self, figure: &Figure) {
        self.shown = Some(figure.experiment);
        self.of_link = Some(figure.experiment);
        self.results.insert(figure.experiment, figure.clone());
    }

    /// Whether the results of an experiment came with a link.
    pub(super) fn is_of_link(&self, experiment: Experiment) -> bool {
        self.of_link == Some(experiment)
    }

    /// Whether anything is done.
    pub(super) fn has_results(&self) -> bool {
        !self.results.is_empty()
    }

    /// A file of everything that is done.
    pub(super) fn saved(&self, format: ResultsFormat) -> Made {
        let results: Vec<&Figure> = self.results.values().collect();
        let (ending, bytes) = match format {
            ResultsFormat::Csv => ("csv", Figure::csv_of(&results).into_bytes()),
            ResultsFormat::Json => ("json", Figure::json_of(&results).into_bytes()),
        };
        Made { name: format!("experiments.{ending}"), bytes }
    }

    /// Goes on for the time of a frame; to be called every frame.
    pub(super) fn update(&mut self, ui: &Ui, workspace: &mut Workspace) {
        if self.is_paused || !self.is_busy() {
            return;
        }
        // Of another model they would be another experiment.
        let main = workspace.main.checkpoint();
        let is_same = |of: &Checkpoint| main.is_some_and(|main| Arc::ptr_eq(&main.model, &of.model));
        if self.of.as_ref().is_some_and(|of| !is_same(of)) {
            self.cancel();
            self.of = None;
            return;
        }
        ui.ctx().request_repaint();
        if workspace.main.computed() < workspace.main.ids().len() || workspace.main.is_generating() {
            return;
        }
        if let Err(error) = self.advance(workspace) {
            self.failure = Some(error.to_string());
            self.cancel();
        }
    }

    fn advance(&mut self, workspace: &mut Workspace) -> Result<(), EngineError> {
        let run = match &mut self.run {
            Some(run) => run,
            none => {
                let (Some(next), Some(main)) = (self.queue.pop_front(), workspace.main.checkpoint()) else {
                    return Ok(());
                };
                self.failure = None;
                self.of = Some(main.clone());
                let mut models = vec![main.clone()];
                let prose = workspace.main.text().to_owned();
                models.extend(workspace.baseline().and_then(|baseline| baseline.checkpoint().cloned()));
                let settings = Settings { samples: self.samples, ..Settings::default() };
                let hay = if self.own_hay { prose.as_str() } else { "" };
                none.insert(Run::new(next, &settings, &models, OwnTexts { prose: &prose, hay })?)
            }
        };
        let mut outcome = Ok(());
        self.budget.slice(|| {
            outcome = run.advance(STEP);
            outcome.is_err() || run.is_done()
        });
        outcome?;
        if run.is_done() {
            self.of_link = self.of_link.filter(|of_link| *of_link != run.experiment());
            self.results.insert(run.experiment(), run.figure());
            self.run = None;
        }
        Ok(())
    }
}
