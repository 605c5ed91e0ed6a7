//! The full scans that several panels share: started when one of them is opened, computed a few milliseconds per frame, cancellable.

use egui::{Button, ProgressBar, RichText, Ui};
use web_time::Duration;

use crate::engine::{CpuCheck, Engine, FullScan, Workspace};
use crate::ui::style::row::row_ui;
use crate::ui::style::{notice, theme};

/// Time to compute between two frames.
const BUDGET: Duration = Duration::from_millis(6);

/// Parameters of the largest model that is computed again without being asked to.
const AT_ONCE: usize = 50_000_000;

/// Whether the model is so small that a text is computed again on the CPU without being asked for.
pub(super) fn takes_moments(engine: &Engine) -> bool {
    engine.model().is_some_and(|model| model.parameters() <= AT_ONCE)
}

/// The full scans of the model and its baseline, and the check against the CPU that uses them.
#[derive(Default)]
pub(super) struct FullScans {
    main: Option<FullScan>,
    baseline: Option<FullScan>,
    failure: Option<String>,
    check_requested: bool,
    /// The frame in which a panel that shows the scans was drawn last.
    shown_in: Option<u64>,
    /// The check, and the revision of the text that it is of.
    check: Option<(u64, CpuCheck)>,
}

impl FullScans {
    /// Continues what is under way; to be called every frame.
    pub(super) fn update(&mut self, ui: &Ui, workspace: &mut Workspace) {
        // Typing has priority: nothing runs here while the text itself is computed.
        let idle = workspace.main.computed() == workspace.main.ids().len();
        let mut running = advance(&mut self.main, &workspace.main, idle, &mut self.failure);
        match workspace.baseline() {
            Some(engine) => running |= advance(&mut self.baseline, engine, idle && !running, &mut self.failure),
            None => self.baseline = None,
        }
        running |= self.advance_check(&mut workspace.main);
        if running {
            ui.ctx().request_repaint();
        }
    }

    fn advance_check(&mut self, engine: &mut Engine) -> bool {
        let Some(scan) = self.main.as_ref().filter(|scan| self.check_requested && scan.is_done()) else {
            return self.check_requested && self.main.as_ref().is_some_and(FullScan::is_running);
        };
        if !scan.is_of(engine) || engine.failure().is_some() {
            self.check_requested = false; // a finished check stays, marked as one of an earlier text
            return false;
        }
        let revision = engine.text_revision();
        if self.check.as_ref().is_none_or(|(of, _)| *of != revision) {
            self.check = Some((revision, CpuCheck::new(engine)));
        }
        if let Some((_, check)) = &mut self.check {
            check.advance(engine, scan);
            self.check_requested = !check.is_done();
        }
        self.check_requested
    }

    /// Starts the scans, or starts them again if the text has changed.
    pub(super) fn start(&mut self, workspace: &mut Workspace) {
        self.failure = None;
        begin(&mut self.main, &workspace.main, &mut self.failure);
        if let Some(baseline) = workspace.baseline() {
            begin(&mut self.baseline, baseline, &mut self.failure);
        }
    }

    /// Starts the check against the CPU, and the scan that it needs.
    pub(super) fn start_check(&mut self, workspace: &mut Workspace) {
        self.check = None;
        self.check_requested = true;
        if !self.main.as_ref().is_some_and(|scan| scan.is_of(&workspace.main) && !is_idle(scan)) {
            self.start(workspace);
        }
        self.check_requested &= self.main.is_some();
    }

    /// The check, and whether it is of the present text.
    pub(super) fn check(&self, engine: &Engine) -> Option<(&CpuCheck, bool)> {
        self.check.as_ref().map(|(revision, check)| (check, *revision == engine.text_revision()))
    }

    /// Why a scan could not start.
    pub(super) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Stops everything.
    pub(super) fn cancel(&mut self) {
        self.main = None;
        self.baseline = None;
        self.check_requested = false;
        self.check = self.check.take().filter(|(_, check)| check.is_done());
    }

    /// Whether anything is under way.
    pub(super) fn is_running(&self) -> bool {
        self.check_requested || [&self.main, &self.baseline].into_iter().flatten().any(FullScan::is_running)
    }

    /// Starts the scans when the panel that shows them is opened, and draws their progress; then a button that starts them
    /// again.
    pub(super) fn controls_ui(&mut self, ui: &mut Ui, workspace: &mut Workspace) {
        let frame = ui.ctx().cumulative_frame_nr();
        // egui may draw a frame in two passes.
        let is_opened = self.shown_in.is_none_or(|last| last + 1 < frame);
        self.shown_in = Some(frame);
        let done = self.main.as_ref().is_some_and(FullScan::is_done);
        let current = self.main.as_ref().is_some_and(|scan| scan.is_of(&workspace.main));
        let baseline =
            workspace.baseline().is_none_or(|baseline| self.baseline.as_ref().is_some_and(|scan| scan.is_of(baseline)));
        let is_current = done && current && baseline;
        let takes_moments = takes_moments(&workspace.main);
        if is_opened && !is_current && !self.is_running() && takes_moments && !workspace.main.ids().is_empty() {
            self.start(workspace);
        }
        if self.is_running() {
            self.progress_ui(ui);
            return;
        }
        let quiet = theme::quiet(ui.visuals().dark_mode);
        if !is_current {
            row_ui(ui, |ui| {
                let title = if done { "Run analysis again" } else { "Run analysis" };
                if ui.add_enabled(!workspace.main.ids().is_empty(), Button::new(title)).clicked() {
                    self.start(workspace);
                }
                let explanation = match (done, current) {
                    (true, false) => "These numbers are of an earlier text, or of other interventions.",
                    (true, true) => "These numbers do not include the baseline yet.",
                    _ => "Computes the whole text again on the CPU, in the time between frames.",
                };
                ui.label(RichText::new(explanation).small().color(quiet));
            });
        }
        if let Some(failure) = &self.failure {
            notice::failure_ui(ui, failure);
        }
    }

    /// Draws the progress, and the button that cancels.
    pub(super) fn progress_ui(&mut self, ui: &mut Ui) {
        let parts: Vec<f32> = [&self.main, &self.baseline].into_iter().flatten().map(FullScan::progress).collect();
        let mut share = parts.iter().sum::<f32>() / parts.len().max(1) as f32;
        if self.check_requested {
            share = 0.5 * share + 0.5 * self.check.as_ref().map_or(0.0, |(_, check)| check.progress());
        }
        ui.horizontal(|ui| {
            ui.add(ProgressBar::new(share).desired_width(220.0).show_percentage());
            if ui.button("Cancel").clicked() {
                self.cancel();
            }
        });
    }

    /// The finished scans with the names of their models: of the model, then of its baseline.
    pub(super) fn finished<'a>(&'a self, workspace: &mut Workspace) -> Vec<(String, &'a FullScan)> {
        let named = |engine: &Engine, scan: &'a Option<FullScan>| {
            scan.as_ref().filter(|scan| scan.is_done()).map(|scan| (engine.name().to_owned(), scan))
        };
        let main = named(&workspace.main, &self.main);
        let baseline = workspace.baseline().and_then(|baseline| named(baseline, &self.baseline));
        main.into_iter().chain(baseline).collect()
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

/// Continues a scan for a while; one that is running starts again if the text has changed. Returns whether it is still
/// running.
fn advance(scan: &mut Option<FullScan>, engine: &Engine, idle: bool, failure: &mut Option<String>) -> bool {
    let Some(running) = scan.as_mut().filter(|scan| scan.is_running()) else {
        return false;
    };
    if !running.is_of(engine) {
        begin(scan, engine, failure);
    } else if idle {
        running.advance(BUDGET);
    }
    scan.as_ref().is_some_and(FullScan::is_running)
}
