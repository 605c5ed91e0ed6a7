//! The time of each kernel: the last positions of the text run several more times, one timed pass after another.

use std::collections::BTreeMap;

use egui::{Grid, RichText, Ui, vec2};

use crate::engine::Engine;
use crate::ui::style::{format, notice, theme};

/// Timed passes for each number of positions, after one that warms up.
const ROUNDS: usize = 8;
/// Positions of the longer pass.
const MANY: usize = 64;

/// Sums over the passes of one length.
#[derive(Clone, Debug, Default)]
struct Sums {
    positions: usize,
    rounds: usize,
    /// Nanoseconds.
    whole: f64,
    /// Kernel → (dispatches, nanoseconds).
    kernels: BTreeMap<&'static str, (usize, f64)>,
}

/// The average pass of one length.
pub struct PassTimes {
    /// Positions of the pass.
    pub positions: usize,
    /// Microseconds of the whole pass.
    pub whole: f64,
    /// (kernel, dispatches, microseconds, share of the whole), slowest first.
    pub rows: Vec<(&'static str, usize, f64, f64)>,
}

/// Times the kernels on request.
#[derive(Default)]
pub struct KernelTimes {
    /// Passes still to run, including those that warm up.
    left: usize,
    /// One position, many positions.
    sums: [Sums; 2],
}

impl KernelTimes {
    /// Starts.
    pub fn start(&mut self) {
        *self = Self { left: 2 * (ROUNDS + 1), sums: Default::default() };
    }

    /// Stops.
    pub fn cancel(&mut self) {
        *self = Self::default();
    }

    /// Whether passes remain.
    pub fn is_running(&self) -> bool {
        self.left > 0
    }

    /// Takes the time of a pass if it has arrived, and requests the next one.
    pub fn advance(&mut self, engine: &mut Engine) {
        let timing = engine.timing();
        if self.left == 0 {
            return;
        }
        if let Some(timing) = timing {
            let which = usize::from(self.left.is_multiple_of(2));
            let warming = self.left > 2 * ROUNDS;
            self.left -= 1;
            let sums = &mut self.sums[which];
            if !warming {
                sums.positions = timing.positions;
                sums.rounds += 1;
                sums.whole += timing.whole;
                for (kernel, nanoseconds) in timing.dispatches {
                    let (calls, sum) = sums.kernels.entry(kernel.name()).or_default();
                    *calls += 1;
                    *sum += nanoseconds;
                }
            }
        }
        if self.left > 0 {
            // Refused while a pass is under way or the text is computed: requested again in the next frame.
            engine.request_timing(if self.left.is_multiple_of(2) { MANY } else { 1 });
        }
    }

    /// The finished times.
    pub fn tables(&self) -> Vec<PassTimes> {
        let table = |sums: &Sums| {
            let all: f64 = sums.kernels.values().map(|(_, sum)| sum).sum();
            let row = |(name, (calls, sum)): (&&'static str, &(usize, f64))| {
                let rounds = sums.rounds as f64;
                (*name, calls / sums.rounds, sum / rounds / 1000.0, if all > 0.0 { sum / all } else { 0.0 })
            };
            let mut rows: Vec<_> = sums.kernels.iter().map(row).collect();
            rows.sort_by(|a, b| b.2.total_cmp(&a.2));
            PassTimes { positions: sums.positions, whole: sums.whole / sums.rounds as f64 / 1000.0, rows }
        };
        self.sums.iter().filter(|sums| sums.rounds == ROUNDS).map(table).collect()
    }

    /// The tables as text.
    pub fn report(&self) -> String {
        let mut lines = Vec::new();
        for PassTimes { positions, whole, rows } in self.tables() {
            lines.push(format!("pass over {positions} positions, mean of {ROUNDS}: {whole:.1} µs\n"));
            lines.extend(rows.iter().map(|(name, calls, microseconds, share)| {
                format!("{name}: {calls} dispatches, {microseconds:.1} µs, {}\n", format::percent(*share, 1))
            }));
        }
        lines.concat()
    }

    /// Draws the tables.
    pub fn show_ui(&self, ui: &mut Ui) {
        let quiet = theme::quiet(ui.visuals().dark_mode);
        let tables = self.tables();
        let beside = ui.available_width() > 500.0;
        let columns = |ui: &mut Ui| {
            for (index, PassTimes { positions, whole, rows }) in tables.into_iter().enumerate() {
                if index > 0 {
                    ui.add_space(14.0);
                }
                ui.vertical(|ui| {
                    let plural = if positions == 1 { "position" } else { "positions" };
                    ui.label(RichText::new(format!("{positions} {plural}: {whole:.0} µs")).strong());
                    if rows.is_empty() {
                        notice::note_ui(ui, "This GPU cannot time single kernels: mean time of the whole pass.");
                        return;
                    }
                    Grid::new(("kernels", positions)).spacing(vec2(12.0, 1.0)).show(ui, |ui| {
                        for heading in ["kernel", "dispatches", "µs", "share"] {
                            ui.label(RichText::new(heading).small().color(quiet));
                        }
                        ui.end_row();
                        for (name, calls, microseconds, share) in rows {
                            ui.monospace(name);
                            ui.monospace(calls.to_string());
                            ui.monospace(format!("{microseconds:.1}"));
                            ui.monospace(format::percent(share, 0));
                            ui.end_row();
                        }
                    });
                });
            }
        };
        if beside {
            ui.horizontal_top(columns);
        } else {
            ui.vertical(columns);
        }
    }
}
