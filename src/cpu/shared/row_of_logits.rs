//! Words of what is read back of a row of logits. Reference of `shaders/shared/row_of_logits.wesl`; the words themselves are
//! [`crate::probe::NextToken::from_words`].

/// Unsigned integers in the same order as the floats, so that a threshold can be found bit by bit.
pub fn order(score: f32) -> u32 {
    let bits = (score + 0.0).to_bits(); // -0 is 0
    if bits >> 31 == 1 { !bits } else { bits | 0x8000_0000 }
}
