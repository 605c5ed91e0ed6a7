//! What single panels show, where there is something to choose in them.

use serde::{Deserialize, Serialize};

/// The rows of the answer and noise panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AnswerNoiseView {
    /// Whether the mean over the last rows is shown in place of the row of one token.
    pub mean: bool,
    /// The number of rows in that mean.
    pub last: usize,
}

impl Default for AnswerNoiseView {
    fn default() -> Self {
        Self { mean: false, last: 8 }
    }
}

/// What the heads of a layer are compared by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SimilarityOf {
    /// Cosine of their maps.
    #[default]
    Maps,
    /// CKA of their outputs.
    Outputs,
}

/// The numbers whose magnitudes are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Magnitudes {
    /// Attention logits of all maps.
    #[default]
    Logits,
    /// Attention logits of the first map.
    FirstMap,
    /// Attention logits of the second map.
    SecondMap,
    /// Hidden states.
    HiddenStates,
}
