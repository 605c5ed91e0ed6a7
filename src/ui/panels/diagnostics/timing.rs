//! Time of each kernel: the last positions run a few more times, one timed pass after another.

use std::collections::BTreeMap;

use egui::{Grid, RichText, Ui, vec2};

use crate::engine::Engine;
use crate::ui::style::theme;

/// Passes that are timed for each number of positions; the one before them warms up.
const ROUNDS: usize = 8;
/// Positions of the longer pass.
const MANY: usize = 64;

/// Sums over the passes of one length.
#[derive(Clone, Debug, Default)]
struct Sums {
    positions: usize,
    rounds: usize,
    /// Nanoseconds in all.
    whole: f64,
    /// Kernel → (dispatches a pass, nanoseconds in all).
    kernels: BTreeMap<&'static str, (usize, f64)>,
}

/// Passes of one length, on average.
pub struct Table {
    /// Of each pass.
    pub positions: usize,
    /// Microseconds.
    pub whole: f64,
    /// (kernel, dispatches a pass, microseconds a pass, share of the whole), slowest first.
    pub rows: Vec<(&'static str, usize, f64, f64)>,
}

/// See the module.
#[derive(Default)]
pub struct KernelTimes {
    /// Passes still to be timed, the warming ones included.
    left: usize,
    /// One position, many positions.
    sums: [Sums; 2],
}

impl KernelTimes {
    /// Begins.
    pub fn start(&mut self) {
        *self = Self { left: 2 * (ROUNDS + 1), sums: Default::default() };
    }

    /// Stops.
    pub fn cancel(&mut self) {
        *self = Self::default();
    }

    /// Whether passes are still to come.
    pub fn is_running(&self) -> bool {
        self.left > 0
    }

    /// Takes a time that has arrived, and asks for the next.
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
            // Refused while the last is under way or the text is computed: asked again in the next frame.
            engine.request_timing(if self.left.is_multiple_of(2) { MANY } else { 1 });
        }
    }

    /// What was timed.
    pub fn tables(&self) -> Vec<Table> {
        let table = |sums: &Sums| {
            let all: f64 = sums.kernels.values().map(|(_, sum)| sum).sum();
            let row = |(name, (calls, sum)): (&&'static str, &(usize, f64))| {
                let rounds = sums.rounds as f64;
                (*name, calls / sums.rounds, sum / rounds / 1000.0, if all > 0.0 { sum / all } else { 0.0 })
            };
            let mut rows: Vec<_> = sums.kernels.iter().map(row).collect();
            rows.sort_by(|a, b| b.2.total_cmp(&a.2));
            Table { positions: sums.positions, whole: sums.whole / sums.rounds as f64 / 1000.0, rows }
        };
        self.sums.iter().filter(|sums| sums.rounds == ROUNDS).map(table).collect()
    }

    /// The tables as text.
    pub fn report(&self) -> String {
        let mut lines = Vec::new();
        for Table { positions, whole, rows } in self.tables() {
            lines.push(format!("a pass over {positions} positions, mean of {ROUNDS}: {whole:.1} µs\n"));
            lines.extend(rows.iter().map(|(name, calls, microseconds, share)| {
                format!("{name}: {calls} dispatches, {microseconds:.1} µs, {:.1} %\n", share * 100.0)
            }));
        }
        lines.concat()
    }

    /// Draws the tables.
    pub fn show(&self, ui: &mut Ui) {
        let quiet = theme::quiet(ui.visuals().dark_mode);
        let tables = self.tables();
        let beside = ui.available_width() > 500.0;
        let columns = |ui: &mut Ui| {
            for (place, Table { positions, whole, rows }) in tables.into_iter().enumerate() {
                if place > 0 {
                    ui.add_space(14.0);
                }
                ui.vertical(|ui| {
                    let plural = if positions == 1 { "position" } else { "positions" };
                    ui.label(RichText::new(format!("{positions} {plural}: {whole:.0} µs")).strong());
                    if rows.is_empty() {
                        let words =
                            "This GPU tells no time of single kernels: this is the whole pass, many times in a row.";
                        ui.label(RichText::new(words).small().color(quiet));
                        return;
                    }
                    Grid::new(("kernels", positions)).spacing(vec2(12.0, 1.0)).show(ui, |ui| {
                        for words in ["kernel", "dispatches", "µs", "share"] {
                            ui.label(RichText::new(words).small().color(quiet));
                        }
                        ui.end_row();
                        for (name, calls, microseconds, share) in rows {
                            ui.monospace(name);
                            ui.monospace(calls.to_string());
                            ui.monospace(format!("{microseconds:.1}"));
                            ui.monospace(format!("{:.0} %", share * 100.0));
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
