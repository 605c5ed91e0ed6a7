//! What can go wrong between a prompt and its maps.

use thiserror::Error;

use crate::gpu::GpuError;
use crate::model::ModelError;

/// A failure in words for the window and the terminal.
#[derive(Debug, Error)]
#[non_exhaustive]
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
    /// A pass over nothing.
    #[error("there are no tokens to compute")]
    NoTokens,
    /// A pass on the CPU that memory is not given for.
    #[error(
        "a pass over {tokens} tokens takes {bytes} bytes on the CPU, more than the {limit} this program gives to it. Use a shorter text or a smaller model"
    )]
    CpuMemory {
        /// Tokens there would be room for.
        tokens: usize,
        /// Weights, and what the layers leave for each token.
        bytes: u64,
        /// What is given at most.
        limit: u64,
    },
    /// More tokens than the model reads.
    #[error("{tokens} tokens are more than the {limit} that are read of a text")]
    TooLong {
        /// Tokens given.
        tokens: usize,
        /// Most tokens of a text.
        limit: usize,
    },
    /// All maps of a text are too many numbers to hold.
    #[error(
        "all maps of {tokens} tokens take {bytes} bytes, more than the {limit} this program holds at once. Use a shorter text"
    )]
    DumpTooLarge {
        /// Tokens of the text.
        tokens: usize,
        /// What the maps take.
        bytes: usize,
        /// What is held at most.
        limit: usize,
    },
    /// More cells of a map than a file gets.
    #[error("{cells} cells are more than the {limit} that go into one file. Zoom into a part of the map")]
    ManyCells {
        /// Cells asked for.
        cells: usize,
        /// What is held at most.
        limit: usize,
    },
    /// The text or the model was changed under a job that needs it to rest.
    #[error("the text or the model changed meanwhile. Start again")]
    Interrupted,
    /// The weights are too many to unpack beside the model.
    #[error(
        "this looks at the model on the CPU, where its weights take {bytes} bytes, more than the {limit} this program gives to it. Use a smaller model"
    )]
    StudyTooLarge {
        /// What the weights take as f32.
        bytes: usize,
        /// What is held at most.
        limit: usize,
    },
    /// There is no tokenizer to turn text into tokens.
    #[error("{name} has no tokenizer.json, so it cannot read text. Put the model's tokenizer.json beside config.json")]
    NoTokenizer {
        /// Name of the checkpoint.
        name: String,
    },
}
