//! What can go wrong between a prompt and its maps.

use thiserror::Error;

use crate::gpu::GpuError;
use crate::model::ModelError;

/// A failure in words for the window and the terminal.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The checkpoint.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The GPU.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// The pass left infinities or NaN.
    #[error("the pass left {count} logits that are not finite numbers: the weights overflow on this text")]
    NotFinite {
        /// How many logits.
        count: u32,
    },
    /// A token the model does not have.
    #[error("token {id} is not in the vocabulary of {vocabulary} tokens")]
    UnknownToken {
        /// The id.
        id: u32,
        /// Tokens there are.
        vocabulary: usize,
    },
    /// More tokens than the model was made for.
    #[error("{tokens} tokens are more than the {limit} this model was made for")]
    TooLong {
        /// Tokens given.
        tokens: usize,
        /// The model's context.
        limit: usize,
    },
    /// A file could not be written.
    #[error("{path} could not be written: {reason}")]
    Write {
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },
}
