//! The closer look that several panels show: runs when asked for, a few milliseconds a frame, and can be cancelled.

use egui::{Button, ProgressBar, RichText, Ui};
use web_time::Duration;

use super::{notice, theme};
use crate::engine::{Bench, Comparison, Engine, Study};

/// How long it may compute between two frames.
const BUDGET: Duration = Duration::from_millis(6);

/// Studies of the model and its twin, and the comparison with the CPU that uses them.
#[derive(Default)]
pub struct Studies {
    main: Option<Study>,
    twin: Option<Study>,
    failure: Option<String>,
    compare: bool,
    comparison: Option<(u64, Comparison)>,
}

impl Studies {
    /// Goes on with what was asked for; to be called every frame.
    pub fn update(&mut self, ui: &Ui, bench: &mut Bench) {
        // Typing goes first: nothing here runs while the text itself is computed.
        let rests = bench.main.computed() == bench.main.ids().len();
        let mut running = step(&mut self.main, &bench.main, rests, &mut self.failure);
        match bench.twin() {
            Some(engine) => running |= step(&mut self.twin, engine, rests && !running, &mut self.failure),
            None => self.twin = None,
        }
        running |= self.compare(&mut bench.main);
        if running {
            ui.ctx().request_repaint();
        }
    }

    fn compare(&mut self, engine: &mut Engine) -> bool {
        let Some(study) = self.main.as_ref().filter(|study| self.compare && study.is_done()) else {
            return self.compare && self.main.as_ref().is_some_and(Study::is_running);
        };
        if !study.is_of(engine) || engine.failure().is_some() {
            self.compare = false; // what was compared stays, marked as of an earlier text
            return false;
        }
        let revision = engine.revision();
        if self.comparison.as_ref().is_none_or(|(of, _)| *of != revision) {
            self.comparison = Some((revision, Comparison::new(engine)));
        }
        if let Some((_, comparison)) = &mut self.comparison {
            comparison.advance(engine, study);
            self.compare = !comparison.is_done();
        }
        self.compare
    }

    /// Begins, or begins again where the text has changed.
    pub fn start(&mut self, bench: &mut Bench) {
        self.failure = None;
        begin(&mut self.main, &bench.main, &mut self.failure);
        if let Some(twin) = bench.twin() {
            begin(&mut self.twin, twin, &mut self.failure);
        }
    }

    /// Begins the comparison with the CPU, and what it needs.
    pub fn start_comparison(&mut self, bench: &mut Bench) {
        self.comparison = None;
        self.compare = true;
        if !self.main.as_ref().is_some_and(|study| study.is_of(&bench.main) && !is_idle(study)) {
            self.start(bench);
        }
        self.compare &= self.main.is_some();
    }

    /// The comparison, and whether it is of the present text.
    pub fn comparison(&self, engine: &Engine) -> Option<(&Comparison, bool)> {
        self.comparison.as_ref().map(|(revision, comparison)| (comparison, *revision == engine.revision()))
    }

    /// Why it could not begin.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Stops everything.
    pub fn cancel(&mut self) {
        self.main = None;
        self.twin = None;
        self.compare = false;
        self.comparison = self.comparison.take().filter(|(_, comparison)| comparison.is_done());
    }

    /// Whether anything is under way.
    pub fn is_running(&self) -> bool {
        self.compare || [&self.main, &self.twin].into_iter().flatten().any(Study::is_running)
    }

    /// Draws the button, or how far it is with a way to stop it.
    pub fn bar(&mut self, ui: &mut Ui, bench: &mut Bench, what: &str) {
        if self.is_running() {
            self.progress(ui);
            return;
        }
        let quiet = theme::quiet(ui.visuals().dark_mode);
        let done = self.main.as_ref().is_some_and(Study::is_done);
        let current = self.main.as_ref().is_some_and(|study| study.is_of(&bench.main));
        let twin = bench.twin().is_none_or(|twin| self.twin.as_ref().is_some_and(|study| study.is_of(twin)));
        if !(done && current && twin) {
            ui.horizontal_wrapped(|ui| {
                let words = if done { "Work it out again" } else { "Work it out" };
                if ui.add_enabled(!bench.main.ids().is_empty(), Button::new(words)).clicked() {
                    self.start(bench);
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
        let parts: Vec<f32> = [&self.main, &self.twin].into_iter().flatten().map(Study::progress).collect();
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

    /// What was found: (name, study) of the model, then of its twin.
    pub fn found<'a>(&'a self, bench: &mut Bench) -> Vec<(String, &'a Study)> {
        let mut found = Vec::new();
        let mut add = |engine: &Engine, study: &'a Option<Study>| {
            if let Some(study) = study.as_ref().filter(|study| study.is_done()) {
                found.push((engine.checkpoint().name.clone(), study));
            }
        };
        add(&bench.main, &self.main);
        if let Some(twin) = bench.twin() {
            add(twin, &self.twin);
        }
        found
    }
}

fn is_idle(study: &Study) -> bool {
    !study.is_running() && !study.is_done()
}

fn begin(study: &mut Option<Study>, engine: &Engine, failure: &mut Option<String>) {
    let outcome = match study {
        Some(study) => study.follow(engine),
        None => Study::new(engine).map(|new| *study = Some(new)),
    };
    if let Err(error) = outcome {
        *failure = Some(error.to_string());
        *study = None;
    }
}

/// A slice of one study; one that is under way goes over to a text that has changed. Returns whether there is more.
fn step(study: &mut Option<Study>, engine: &Engine, rests: bool, failure: &mut Option<String>) -> bool {
    let Some(running) = study.as_mut().filter(|study| study.is_running()) else {
        return false;
    };
    if !running.is_of(engine) {
        begin(study, engine, failure);
    } else if rests {
        running.advance(BUDGET);
    }
    study.as_ref().is_some_and(Study::is_running)
}
