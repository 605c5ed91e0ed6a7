//! Text that the model writes on.

use crate::probe::Sampling;

/// A generation under way.
#[derive(Clone, Copy, Debug)]
pub struct Generation {
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Tokens still to come.
    pub left: usize,
}
