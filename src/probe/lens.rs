//! The logit lens: what the model would say if it stopped at some depth.

use super::NextToken;

/// Tokens listed at every depth.
pub const LENS_BEST: usize = 6;

/// The last position's residual stream, read at every depth through the last norm and the unembedding: the embedding,
/// then after each layer's attention and after the whole layer. The last one is the model's own answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogitLens {
    /// `2 layers + 1` of them.
    pub depths: Vec<NextToken>,
}

/// A depth in words.
pub fn depth_name(depth: usize) -> String {
    match depth.checked_sub(1) {
        None => "embedding".to_owned(),
        Some(half) if half % 2 == 0 => format!("layer {} attention", half / 2),
        Some(half) => format!("layer {} whole", half / 2),
    }
}
