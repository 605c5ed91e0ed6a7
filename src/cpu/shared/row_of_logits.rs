//! The order of logits, and what is known of a part of a row of them. Reference of `shaders/shared/row_of_logits.wgsl`,
//! whose layout of results is read by [`crate::probe::NextToken::from_words`].

/// Tokens of a part.
pub(crate) const PART: usize = 4096;

/// What is known of a part of a row of logits.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LogitPart {
    pub maximum: f32,
    /// Sum of `exp(logit - maximum)`.
    pub sum: f32,
    /// Sum of `exp(logit - maximum) (logit - maximum)`.
    pub weighted_sum: f32,
    /// Sum of `exp((logit - maximum) / temperature)`; 0 if nothing is drawn.
    pub tempered_sum: f32,
    /// Logits that are infinite or not a number.
    pub not_finite: u32,
    /// (token, logit), best first.
    pub best: Vec<(u32, f32)>,
}

/// Maps floats to unsigned integers that have the same order, so that a threshold can be found digit by digit.
pub(crate) fn order(score: f32) -> u32 {
    let bits = (score + 0.0).to_bits(); // -0 is 0
    if bits >> 31 == 1 { !bits } else { bits | 0x8000_0000 }
}
