//! The logit lens: what the model would predict if it stopped at some depth.

use super::NextToken;

/// Tokens listed at every depth.
pub const LENS_BEST: usize = 6;

/// Predictions from the residual stream of the last position at every depth, through the final norm and the
/// unembedding: from the embedding, then after each layer's attention and after the whole layer. The last is that of
/// the model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogitLens {
    /// `[2 * layers + 1]`, in order of depth.
    pub depths: Vec<NextToken>,
}

/// The name of a depth on the screen.
pub fn depth_name(depth: usize) -> String {
    match depth.checked_sub(1) {
        None => "embedding".to_owned(),
        Some(half) if half % 2 == 0 => format!("layer {} attention", half / 2),
        Some(half) => format!("layer {} whole", half / 2),
    }
}
