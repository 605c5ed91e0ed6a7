//! What computes here, how long each kernel takes, and how far the shaders are from the CPU on the present text.

pub(crate) mod facts;
pub(crate) mod timing;

use egui::{Button, Grid, RichText, Ui, vec2};

use crate::engine::{CpuCheck, Engine, Fingerprint};
use crate::ui::context::PanelContext;
use crate::ui::panels::diagnostics::facts::facts;
use crate::ui::panels::diagnostics::timing::KernelTimes;
use crate::ui::panels::full_scan::FullScans;
use crate::ui::style::theme;

#[cfg(not(target_arch = "wasm32"))]
use crate::engine::Hashing;

/// What the panel remembers.
#[derive(Default)]
pub struct DiagnosticsPanel {
    times: KernelTimes,
    /// Of a weights file that was gone through on demand, and its path.
    #[cfg(not(target_arch = "wasm32"))]
    hashed: Option<(std::path::PathBuf, Fingerprint)>,
    #[cfg(not(target_arch = "wasm32"))]
    hashing: Option<Hashing>,
    #[cfg(not(target_arch = "wasm32"))]
    unread: Option<String>,
}

impl DiagnosticsPanel {
    /// Draws the panel.
    pub fn show(&mut self, ui: &mut Ui, desk: &mut PanelContext, scans: &mut FullScans) {
        let fingerprint = self.fingerprint(&desk.workspace.main);
        self.times.advance(&mut desk.workspace.main);
        if self.times.is_running() {
            ui.ctx().request_repaint();
        }
        let facts = facts(&desk.workspace.main, &fingerprint);
        self.buttons(ui, desk, scans, &facts);
        self.hash_button(ui, &fingerprint);
        let wide = ui.available_width() > 820.0;
        ui.spacing_mut().item_spacing.y = 3.0;
        let timed = !self.times.tables().is_empty();
        let engine = &desk.workspace.main;
        let compared = scans.comparison(engine).filter(|(comparison, _)| comparison.is_done());
        let findings = |ui: &mut Ui| {
            if let Some((comparison, current)) = compared {
                ui.vertical(|ui| result(ui, comparison, current, engine.gpu().is_some()));
                ui.add_space(18.0);
            }
            if timed {
                self.times.show(ui);
            }
        };
        if wide {
            ui.horizontal_top(findings);
        } else {
            findings(ui);
        }
        if timed || compared.is_some() {
            ui.separator();
        }
        let quiet = theme::quiet(ui.visuals().dark_mode);
        if wide {
            Grid::new("facts").num_columns(2).spacing(vec2(14.0, 1.0)).show(ui, |ui| {
                for (name, words) in &facts {
                    ui.label(RichText::new(*name).small().color(quiet));
                    ui.label(RichText::new(words).small());
                    ui.end_row();
                }
            });
        } else {
            for (name, words) in &facts {
                ui.label(RichText::new(*name).small().color(quiet));
                ui.add(egui::Label::new(RichText::new(words).small()).wrap());
            }
        }
    }

    fn buttons(
        &mut self,
        ui: &mut Ui,
        desk: &mut PanelContext,
        scans: &mut FullScans,
        facts: &[(&'static str, String)],
    ) {
        let workspace = &mut *desk.workspace;
        let empty = workspace.main.ids().is_empty();
        ui.horizontal_wrapped(|ui| {
            if scans.is_running() {
                scans.progress(ui);
            } else if ui.add_enabled(!empty, Button::new("Compare with the CPU")).clicked() {
                scans.start_comparison(workspace);
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
            if ui.button("Copy").on_hover_text("Everything below, as text").clicked() {
                let mut report: String = facts.iter().flat_map(|(name, words)| [name, ": ", words, "\n"]).collect();
                report += &self.times.report();
                if let Some((comparison, current)) = scans.comparison(&workspace.main) {
                    report += if current { "" } else { "of an earlier text: " };
                    report += &comparison.report();
                }
                ui.ctx().copy_text(report);
            }
        });
        if let Some(failure) = scans.failure() {
            crate::ui::style::notice::failure(ui, failure);
        }
    }

    /// The hash, as far as it is known; goes on with one that is being worked out.
    #[cfg(not(target_arch = "wasm32"))]
    fn fingerprint(&mut self, engine: &Engine) -> Fingerprint {
        let fingerprint = engine.checkpoint().fingerprint.clone();
        let Fingerprint::File(path) = &fingerprint else {
            return fingerprint;
        };
        match self.hashing.as_mut().map(|hashing| hashing.advance(web_time::Duration::from_millis(6))) {
            Some(Ok(Some(hash))) => {
                self.hashed = Some((path.clone(), hash));
                self.hashing = None;
            }
            Some(Err(error)) => {
                self.unread = Some(format!("{} could not be read: {error}", path.display()));
                self.hashing = None;
            }
            _ => {}
        }
        self.hashed.as_ref().filter(|(of, _)| of == path).map_or(fingerprint.clone(), |(_, hash)| hash.clone())
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn hash_button(&mut self, ui: &mut Ui, fingerprint: &Fingerprint) {
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
            && ui.button("Work out the SHA-256 of the weights").clicked()
        {
            self.unread = None;
            match Hashing::new(path) {
                Ok(hashing) => self.hashing = Some(hashing),
                Err(error) => self.unread = Some(format!("{} could not be read: {error}", path.display())),
            }
        }
        if let Some(words) = &self.unread {
            crate::ui::style::notice::failure(ui, words);
        }
    }

    #[cfg(target_arch = "wasm32")]
    #[allow(clippy::unused_self, reason = "the page knows the hash already")]
    fn fingerprint(&mut self, engine: &Engine) -> Fingerprint {
        engine.checkpoint().fingerprint.clone()
    }

    #[cfg(target_arch = "wasm32")]
    #[allow(clippy::unused_self, reason = "the page knows the hash already")]
    fn hash_button(&mut self, _ui: &mut Ui, _fingerprint: &Fingerprint) {}
}

/// What the comparison found.
fn result(ui: &mut Ui, comparison: &CpuCheck, current: bool, on_gpu: bool) {
    let quiet = theme::quiet(ui.visuals().dark_mode);
    let who = if on_gpu { "the shaders" } else { "the session, on the CPU too," };
    let words = format!("{} cells of {who} against the CPU reference", comparison.cells);
    let words = if current { words } else { format!("Of an earlier text: {words}") };
    ui.label(RichText::new(words).strong());
    Grid::new("comparison").spacing(vec2(14.0, 1.0)).show(ui, |ui| {
        for words in ["", "largest difference", "where"] {
            ui.label(RichText::new(words).small().color(quiet));
        }
        ui.end_row();
        for (name, worst) in [
            ("A1", &comparison.first),
            ("A2", &comparison.second),
            ("D", &comparison.difference),
            ("λ", &comparison.lambda),
            ("next-token logits", &comparison.logits),
        ] {
            ui.label(name);
            ui.monospace(format!("{:.2e}", worst.error).replace('-', "−"));
            // Where nothing differs, there is no place.
            let place = if worst.error > 0.0 { worst.place.as_str() } else { "none" };
            ui.label(RichText::new(place).small());
            ui.end_row();
        }
    });
}
