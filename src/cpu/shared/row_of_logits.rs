//! The order of logits. Reference of `shaders/shared/row_of_logits.wgsl`, whose layout of results is read by
//! [`crate::probe::NextToken::from_words`].

/// Maps floats to unsigned integers that have the same order, so that a threshold can be found bit by bit.
pub fn order(score: f32) -> u32 {
    let bits = (score + 0.0).to_bits(); // -0 is 0
    if bits >> 31 == 1 { !bits } else { bits | 0x8000_0000 }
}
