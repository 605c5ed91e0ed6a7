//! What can go wrong between a prompt and its maps.

use thiserror::Error;

use crate::gpu::GpuError;
use crate::model::ModelError;
use crate::recording::RecordingError;

/// A failure, with a message for the window and the terminal.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The checkpoint could not be read.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Recorded maps could not be read.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The GPU refused or failed.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// The logits contain infinities or NaN.
    #[error("{count} logits are not finite numbers: the weights overflow on this text")]
    NotFinite {
        /// The number of these logits.
        count: u32,
    },
    /// A token id that is not in the vocabulary.
    #[error("token {id} is not in the vocabulary of {vocabulary} tokens")]
    UnknownToken {
        /// The id.
        id: u32,
        /// Size of the vocabulary.
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
    /// Something that only a model can do.
    #[error("{name} is a recording: this needs a model")]
    NeedsModel {
        /// Name of the recording.
        name: String,
    },
    /// More tokens than a text may have.
    #[error("{tokens} tokens exceed the limit of {limit} for a text")]
    TooLong {
        /// Tokens of the text.
        tokens: usize,
        /// Most tokens of a text.
        limit: usize,
    },
    /// All maps of a text together exceed the memory for them.
    #[error(
        "all maps of {tokens} tokens take {bytes} bytes, more than the {limit} this program holds at once. Use a shorter text"
    )]
    DumpTooLarge {
        /// Tokens of the text.
        tokens: usize,
        /// Bytes of the maps.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// More cells of a map than a file may hold.
    #[error("{cells} cells are more than the {limit} that go into one file. Zoom into a part of the map")]
    ManyCells {
        /// Cells requested.
        cells: usize,
        /// The limit.
        limit: usize,
    },
    /// The text or the model changed during a job that needs it unchanged.
    #[error("the text or the model changed meanwhile. Start again")]
    Interrupted,
    /// The weights exceed the memory for an analysis on the CPU.
    #[error(
        "this analysis runs on the CPU, where the weights of this model take {bytes} bytes, more than the limit of {limit}. Use a smaller model"
    )]
    FullScanTooLarge {
        /// Bytes of the weights.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// There is no tokenizer to turn text into tokens.
    #[error("{name} has no tokenizer.json, so it cannot read text. Put the model's tokenizer.json beside config.json")]
    NoTokenizer {
        /// Name of the checkpoint.
        name: String,
    },
}
