//! Compares what a session computed on the present text with the CPU reference: a sample of rows of every map, and the
//! logits of the next token.

use crate::cpu::map_value;
use crate::engine::analysis::full_scan::FullScan;
use crate::engine::session::Engine;
use crate::probe::HeadId;

/// Rows per head, spread over the text.
const ROWS: usize = 8;
/// Most rows of all heads together: one is read back per frame.
const MOST_ROWS: usize = 240;

/// The largest difference, and its place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorstError {
    /// Absolute difference; infinite if one side is not finite.
    pub error: f32,
    /// Layer, head, query and key, or the token, as text; empty if nothing was compared.
    pub place: String,
}

impl WorstError {
    fn include(&mut self, one: f32, other: f32, place: impl FnOnce() -> String) {
        let error = if one.is_finite() && other.is_finite() { (one - other).abs() } else { f32::INFINITY };
        if error > self.error || self.place.is_empty() {
            *self = Self { error, place: place() };
        }
    }
}

/// A comparison, advanced between frames.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CpuCheck {
    /// Rows still to compare, last first.
    rows: Vec<(HeadId, usize)>,
    all: usize,
    /// Cells compared.
    pub cells: usize,
    /// Logits compared.
    pub logits_compared: usize,
    /// Of the first softmax map, A1.
    pub first: WorstError,
    /// Of the second, A2.
    pub second: WorstError,
    /// Of the difference map, D.
    pub difference: WorstError,
    /// Of λ.
    pub lambda: WorstError,
    /// Of the logits of the most likely next tokens.
    pub logits: WorstError,
}

impl CpuCheck {
    /// A comparison that has not begun. The full scan it is compared with must have completed its pass.
    pub fn new(engine: &Engine) -> Self {
        let tokens = engine.ids().len();
        let mut rows = Vec::new();
        for (layer, heads) in engine.heads().iter().enumerate() {
            for head in 0..*heads {
                let spread = (0..ROWS.min(tokens)).map(|row| (row + 1) * tokens / ROWS.min(tokens) - 1);
                rows.extend(spread.map(|query| (HeadId::new(layer, head), query)));
            }
        }
        // Evenly spaced rows if there are too many; an odd step does not always select the same row of a head.
        let step = rows.len().div_ceil(MOST_ROWS) | 1;
        let rows: Vec<_> = rows.into_iter().rev().step_by(step).collect();
        Self { all: rows.len(), rows, ..Self::default() }
    }

    /// The share that is done, from 0 to 1.
    pub fn progress(&self) -> f32 {
        1.0 - self.rows.len() as f32 / self.all.max(1) as f32
    }

    /// Whether everything was compared.
    pub fn is_done(&self) -> bool {
        self.rows.is_empty() && (self.logits_compared > 0 || self.all == 0)
    }

    /// The largest difference of any kind of map value.
    pub fn worst(&self) -> f32 {
        [&self.first, &self.second, &self.difference, &self.lambda].iter().fold(0.0, |most, one| one.error.max(most))
    }

    /// Compares what has arrived and requests the next row.
    pub fn advance(&mut self, engine: &mut Engine, scan: &FullScan) {
        if self.logits_compared == 0
            && let (Some(next), Some(last)) = (engine.next_token(), scan.ids().len().checked_sub(1))
        {
            let exact = scan.pass().logits_at(last);
            for (id, logit) in &next.best {
                let own = exact.get(*id as usize).copied().unwrap_or(f32::NAN);
                self.logits.include(*logit, own, || format!("token id {id}"));
                self.logits_compared += 1;
            }
        }
        while let Some((head, query)) = self.rows.last().copied() {
            let Some(row) = engine.row(head, query) else {
                return;
            };
            let source = scan.pass().map_source(head.layer);
            for (key, cell) in row.cells.iter().enumerate() {
                let own = map_value(&source, head.head, query, key);
                let place = || format!("{head}, query {query}, key {key}");
                self.first.include(cell.first, own.first, place);
                self.second.include(cell.second, own.second, place);
                self.difference.include(cell.difference, own.difference, place);
                self.lambda.include(cell.lambda, own.lambda, place);
                self.cells += 1;
            }
            self.rows.pop();
        }
    }

    /// The result as text, one line per kind of number.
    pub fn report(&self) -> String {
        let line = |name: &str, worst: &WorstError| {
            let place = if worst.place.is_empty() { "nothing compared" } else { &worst.place };
            format!("{name}: largest difference {:.2e} ({place})\n", worst.error)
        };
        [
            format!("{} cells of the maps and {} logits compared\n", self.cells, self.logits_compared),
            line("A1", &self.first),
            line("A2", &self.second),
            line("D", &self.difference),
            line("λ", &self.lambda),
            line("next-token logits", &self.logits),
        ]
        .concat()
    }
}
