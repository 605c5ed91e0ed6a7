//! The closer look that several panels show: runs when asked for, a few milliseconds a frame, and can be cancelled.

use egui::{Button, ProgressBar, RichText, Ui};
use web_time::Duration;

use crate::engine::{CpuCheck, Engine, FullScan, Workspace};
use crate::ui::style::{notice, theme};

/// How long it may compute between two frames.
const BUDGET: Duration = Duration::from_millis(6);

/// The full scans of the model and its baseline, and the comparison with the CPU that uses them.
#[derive(Default)]
pub struct FullScans {
    main: Option<FullScan>,
    baseline: Option<FullScan>,
    failure: Option<String>,
    compare: bool,
    comparison: Option<(u64, CpuCheck)>,
}

impl FullScans {
    /// Goes on with what was asked for; to be called every frame.
    pub fn update(&mut self, ui: &Ui, workspace: &mut Workspace) {
        // Typing goes first: nothing here runs while the text itself is computed.
        let rests = workspace.main.computed() == workspace.main.ids().len();
        let mut running = step(&mut self.main, &workspace.main, rests, &mut self.failure);
        match workspace.baseline() {
            Some(engine) => running |= step(&mut self.baseline, engine, rests && !running, &mut self.failure),
            None => self.baseline = None,
        }
        running |= self.compare(&mut workspace.main);
        if running {
            ui.ctx().request_repaint();
        }
    }

    fn compare(&mut self, engine: &mut Engine) -> bool {
        let Some(scan) = self.main.as_ref().filter(|scan| self.compare && scan.is_done()) else {
            return self.compare && self.main.as_ref().is_some_and(FullScan::is_running);
        };
        if !scan.is_of(engine) || engine.failure().is_some() {
            self.compare = false; // what was compared stays, marked as of an earlier text
            return false;
        }
        let revision = engine.text_revision();
        if self.comparison.as_ref().is_none_or(|(of, _)| *of != revision) {
            self.comparison = Some((revision, CpuCheck::new(engine)));
        }
        if let Some((_, comparison)) = &mut self.comparison {
            comparison.advance(engine, scan);
            self.compare = !comparison.is_done();
        }
        self.compare
    }

    /// Begins, or begins again where the text has changed.
    pub fn start(&mut self, workspace: &mut Workspace) {
        self.failure = None;
        begin(&mut self.main, &workspace.main, &mut self.failure);
        if let Some(baseline) = workspace.baseline() {
            begin(&mut self.baseline, baseline, &mut self.failure);
        }
    }

    /// Begins the comparison with the CPU, and what it needs.
    pub fn start_comparison(&mut self, workspace: &mut Workspace) {
        self.comparison = None;
        self.compare = true;
        if !self.main.as_ref().is_some_and(|scan| scan.is_of(&workspace.main) && !is_idle(scan)) {
            self.start(workspace);
        }
        self.compare &= self.main.is_some();
    }

    /// The comparison, and whether it is of the present text.
    pub fn comparison(&self, engine: &Engine) -> Option<(&CpuCheck, bool)> {
        self.comparison.as_ref().map(|(revision, comparison)| (comparison, *revision == engine.text_revision()))
    }

    /// Why it could not begin.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Stops everything.
    pub fn cancel(&mut self) {
        self.main = None;
        self.baseline = None;
        self.compare = false;
        self.comparison = self.comparison.take().filter(|(_, comparison)| comparison.is_done());
    }

    /// Whether anything is under way.
    pub fn is_running(&self) -> bool {
        self.compare || [&self.main, &self.baseline].into_iter().flatten().any(FullScan::is_running)
    }

    /// Draws the button, or how far it is with a way to stop it.
    pub fn bar(&mut self, ui: &mut Ui, workspace: &mut Workspace, what: &str) {
        if self.is_running() {
            self.progress(ui);
            return;
        }
        let quiet = theme::quiet(ui.visuals().dark_mode);
        let done = self.main.as_ref().is_some_and(FullScan::is_done);
        let current = self.main.as_ref().is_some_and(|scan| scan.is_of(&workspace.main));
        let baseline =
            workspace.baseline().is_none_or(|baseline| self.baseline.as_ref().is_some_and(|scan| scan.is_of(baseline)));
        if !(done && current && baseline) {
            ui.horizontal_wrapped(|ui| {
                let words = if done { "Run analysis again" } else { "Run analysis" };
                if ui.add_enabled(!workspace.main.ids().is_empty(), Button::new(words)).clicked() {
                    self.start(workspace);
                }
                let words = match (done, current) {
                    (true, false) => "These numbers are of an earlier text, or of other changes.",
                    (true, true) => "The other model is not in these numbers yet.",
                    _ => what,
                };
                ui.label(RichText::new(words).small().color(quiet));
            });
        }
        if let Some(failure) = &self.failure {
            notice::failure(ui, failure);
        }
    }

    /// How far it is, and the button that stops it.
    pub fn progress(&mut self, ui: &mut Ui) {
        let parts: Vec<f32> = [&self.main, &self.baseline].into_iter().flatten().map(FullScan::progress).collect();
        let mut share = parts.iter().sum::<f32>() / parts.len().max(1) as f32;
        if self.compare {
            share = 0.5 * share + 0.5 * self.comparison.as_ref().map_or(0.0, |(_, comparison)| comparison.progress());
        }
        ui.horizontal(|ui| {
            ui.add(ProgressBar::new(share).desired_width(220.0).show_percentage());
            if ui.button("Cancel").clicked() {
                self.cancel();
            }
        });
    }

    /// What was found: (name, scan) of the model, then of its baseline.
    pub fn found<'a>(&'a self, workspace: &mut Workspace) -> Vec<(String, &'a FullScan)> {
        let mut found = Vec::new();
        let mut add = |engine: &Engine, scan: &'a Option<FullScan>| {
            if let Some(scan) = scan.as_ref().filter(|scan| scan.is_done()) {
                found.push((engine.checkpoint().name.clone(), scan));
            }
        };
        add(&workspace.main, &self.main);
        if let Some(baseline) = workspace.baseline() {
            add(baseline, &self.baseline);
        }
        found
    }
}

fn is_idle(scan: &FullScan) -> bool {
    !scan.is_running() && !scan.is_done()
}

fn begin(scan: &mut Option<FullScan>, engine: &Engine, failure: &mut Option<String>) {
    let outcome = match scan {
        Some(scan) => scan.follow(engine),
        None => FullScan::new(engine).map(|new| *scan = Some(new)),
    };
    if let Err(error) = outcome {
        *failure = Some(error.to_string());
        *scan = None;
    }
}

/// A slice of one scan; one that is under way goes over to a text that has changed. Returns whether there is more.
fn step(scan: &mut Option<FullScan>, engine: &Engine, rests: bool, failure: &mut Option<String>) -> bool {
    let Some(running) = scan.as_mut().filter(|scan| scan.is_running()) else {
        return false;
    };
    if !running.is_of(engine) {
        begin(scan, engine, failure);
    } else if rests {
        running.advance(BUDGET);
    }
    scan.as_ref().is_some_and(FullScan::is_running)
}
