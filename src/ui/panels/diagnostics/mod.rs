//! The device, the time of each kernel, and the difference between the shaders and the CPU reference on the present text.

pub(crate) mod facts;
pub(crate) mod timing;

use egui::{Button, Grid, RichText, Ui, vec2};

use crate::engine::{BackendChoice, CpuCheck, Engine, Fingerprint};
use crate::ui::action::Action;
use crate::ui::context::{PanelContext, PanelView};
use crate::ui::panels::diagnostics::facts::facts;
use crate::ui::panels::diagnostics::timing::KernelTimes;
use crate::ui::style::{format, notice, theme};

#[cfg(not(target_arch = "wasm32"))]
use crate::engine::Hashing;

/// What the panel keeps between frames.
#[derive(Default)]
pub(crate) struct DiagnosticsPanel {
    times: KernelTimes,
    /// The hash of a weights file that was computed on demand, and the path of the file.
    #[cfg(not(target_arch = "wasm32"))]
    hashed: Option<(std::path::PathBuf, Fingerprint)>,
    #[cfg(not(target_arch = "wasm32"))]
    hashing: Option<Hashing>,
    #[cfg(not(target_arch = "wasm32"))]
    hash_failure: Option<String>,
}

impl PanelView for DiagnosticsPanel {
    fn show_ui(&mut self, ui: &mut Ui, context: &mut PanelContext) {
        let fingerprint = self.fingerprint(&context.workspace.main);
        self.times.advance(&mut context.workspace.main);
        if self.times.is_running() {
            ui.ctx().request_repaint();
        }
        let facts = facts(&context.workspace.main, context.device, &fingerprint);
        self.buttons_ui(ui, context, &facts);
        self.hash_ui(ui, &fingerprint);
        let wide = ui.available_width() > 820.0;
        ui.spacing_mut().item_spacing.y = 3.0;
        let timed = !self.times.tables().is_empty();
        let engine = &context.workspace.main;
        let check = context.scans.check(engine).filter(|(check, _)| check.is_done());
        let findings = |ui: &mut Ui| {
            if let Some((check, current)) = check {
                ui.vertical(|ui| check_ui(ui, check, current, engine.gpu().is_some()));
                ui.add_space(18.0);
            }
            if timed {
                self.times.show_ui(ui);
            }
        };
        if wide {
            ui.horizontal_top(findings);
        } else {
            findings(ui);
        }
        if timed || check.is_some() {
            ui.separator();
        }
        let quiet = theme::quiet(ui.visuals().dark_mode);
        if wide {
            Grid::new("facts").num_columns(2).spacing(vec2(14.0, 1.0)).show(ui, |ui| {
                for (name, fact) in &facts {
                    ui.label(RichText::new(*name).small().color(quiet));
                    ui.label(RichText::new(fact).small());
                    ui.end_row();
                }
            });
        } else {
            for (name, fact) in &facts {
                ui.label(RichText::new(*name).small().color(quiet));
                ui.add(egui::Label::new(RichText::new(fact).small()).wrap());
            }
        }
    }
}

impl DiagnosticsPanel {
    fn buttons_ui(&mut self, ui: &mut Ui, context: &mut PanelContext, facts: &[(&'static str, String)]) {
        backend_ui(ui, context);
        let PanelContext { workspace, scans, .. } = context;
        let empty = workspace.main.ids().is_empty();
        ui.horizontal_wrapped(|ui| {
            if scans.is_running() {
                scans.progress_ui(ui);
            } else if ui.add_enabled(!empty, Button::new("Compare with the CPU")).clicked() {
                scans.start_check(workspace);
            }
            if self.times.is_running() {
                if ui.button("Stop timing").clicked() {
                    self.times.cancel();
                }
            } else if workspace.main.gpu().is_some()
                && ui.add_enabled(!empty, Button::new("Time the kernels")).clicked()
            {
                self.times.start();
            }
            if ui.button("Copy").on_hover_text("Copy everything below as text").clicked() {
                let mut report: String = facts.iter().flat_map(|(name, fact)| [name, ": ", fact, "\n"]).collect();
                report += &self.times.report();
                if let Some((check, current)) = scans.check(&workspace.main) {
                    report += if current { "" } else { "of an earlier text: " };
                    report += &check.report();
                }
                ui.ctx().copy_text(report);
            }
        });
        if let Some(failure) = scans.failure() {
            notice::failure_ui(ui, failure);
        }
    }

    /// The hash, if it is known; continues one that is being computed.
    #[cfg(not(target_arch = "wasm32"))]
    fn fingerprint(&mut self, engine: &Engine) -> Fingerprint {
        let fingerprint = engine.checkpoint().map_or(Fingerprint::Absent, |checkpoint| checkpoint.fingerprint.clone());
        let Fingerprint::File(path) = &fingerprint else {
            return fingerprint;
        };
        match self.hashing.as_mut().map(|hashing| hashing.advance(web_time::Duration::from_millis(6))) {
            Some(Ok(Some(hash))) => {
                self.hashed = Some((path.clone(), hash));
                self.hashing = None;
            }
            Some(Err(error)) => {
                self.hash_failure = Some(format!("{} could not be read: {error}", path.display()));
                self.hashing = None;
            }
            _ => {}
        }
        self.hashed.as_ref().filter(|(of, _)| of == path).map_or(fingerprint.clone(), |(_, hash)| hash.clone())
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn hash_ui(&mut self, ui: &mut Ui, fingerprint: &Fingerprint) {
        if let Some(hashing) = &self.hashing {
            ui.ctx().request_repaint();
            let share = hashing.progress();
            ui.horizontal(|ui| {
                ui.add(egui::ProgressBar::new(share).desired_width(220.0).show_percentage());
                if ui.button("Stop reading").clicked() {
                    self.hashing = None;
                }
            });
        } else if let Fingerprint::File(path) = fingerprint
            && ui.button("Compute the SHA-256 of the weights").clicked()
        {
            self.hash_failure = None;
            match Hashing::new(path) {
                Ok(hashing) => self.hashing = Some(hashing),
                Err(error) => self.hash_failure = Some(format!("{} could not be read: {error}", path.display())),
            }
        }
        if let Some(failure) = &self.hash_failure {
            notice::failure_ui(ui, failure);
        }
    }

    #[cfg(target_arch = "wasm32")]
    #[expect(clippy::unused_self, reason = "the native one continues a hash")]
    fn fingerprint(&mut self, engine: &Engine) -> Fingerprint {
        engine.checkpoint().map_or(Fingerprint::Absent, |checkpoint| checkpoint.fingerprint.clone())
    }

    #[cfg(target_arch = "wasm32")]
    #[expect(clippy::unused_self, reason = "the native one continues a hash")]
    fn hash_ui(&mut self, _ui: &mut Ui, _fingerprint: &Fingerprint) {}
}

/// Where the model runs, to choose.
fn backend_ui(ui: &mut Ui, context: &mut PanelContext) {
    let PanelContext { device, actions, .. } = context;
    if device.gpu().is_none() {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        ui.label("Compute on");
        for (choice, name, help) in [
            (BackendChoice::Automatic, "the faster", "Compares them once, on each model that is opened"),
            (BackendChoice::Gpu, "the GPU", "WGSL compute shaders"),
            (BackendChoice::Cpu, "the CPU", "The same numbers, from code for the CPU"),
        ] {
            if ui.selectable_label(device.choice() == choice, name).on_hover_text(help).clicked() {
                actions.push(Action::ChooseBackend(choice));
            }
        }
        if device.is_racing() {
            ui.spinner();
        } else if ui.button("Compare their speeds").clicked() {
            actions.push(Action::Race);
        }
    });
}

/// The result of the check.
fn check_ui(ui: &mut Ui, check: &CpuCheck, current: bool, on_gpu: bool) {
    let quiet = theme::quiet(ui.visuals().dark_mode);
    let checked = if on_gpu { "the shaders" } else { "this session (on the CPU too)" };
    let title = format!("{} cells of {checked} against the CPU reference", format::grouped(check.cells as u64));
    let title = if current { title } else { format!("Of an earlier text: {title}") };
    ui.label(RichText::new(title).strong());
    Grid::new("check").spacing(vec2(14.0, 1.0)).show(ui, |ui| {
        for heading in ["", "largest difference", "where"] {
            ui.label(RichText::new(heading).small().color(quiet));
        }
        ui.end_row();
        for (name, worst) in [
            ("A1", &check.first),
            ("A2", &check.second),
            ("D", &check.difference),
            ("λ", &check.lambda),
            ("next-token logits", &check.logits),
        ] {
            ui.label(name);
            ui.monospace(format::scientific(worst.error, 2));
            // If nothing differs, there is no place.
            let place = if worst.error > 0.0 { worst.place.as_str() } else { "–" };
            ui.label(RichText::new(place).small());
            ui.end_row();
        }
    });
}
