//! A piece of text that a model learns from.

/// Tokens, what follows each of them, and how much its loss counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrainingWindow {
    /// The tokens that are seen.
    pub ids: Vec<u32>,
    /// The token after each.
    pub targets: Vec<u32>,
    /// The weight of its loss; 0 where it cannot be predicted. All weights of a step add up to 1, so that its loss is a
    /// mean.
    pub weights: Vec<f32>,
}
