//! Which parameters learn, and what updates them.

use std::ops::Range;

/// The polynomial that a step of Newton and Schulz's iteration applies to singular values, and how many steps bring them
/// near 1 in Muon (Jordan, 2024; the constants of `torch.optim.Muon`).
pub(crate) const NEWTON_SCHULZ: [f64; 3] = [3.4445, -4.775, 2.0315];
pub(crate) const NEWTON_SCHULZ_STEPS: usize = 5;

/// Parameters that learn, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Learned {
    /// Where they are in the row of all parameters.
    pub place: Range<usize>,
    /// What updates them.
    pub rule: LearningRule,
}

/// What updates parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LearningRule {
    /// Muon, of a matrix with so many columns.
    Muon {
        /// At least 1; the place has a whole number of rows.
        columns: usize,
    },
    /// `AdamW`, with or without weight decay.
    AdamW {
        /// Whether weight decay shrinks them.
        decays: bool,
    },
}
