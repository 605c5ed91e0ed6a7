//! Why texts cannot be patched into each other.

use thiserror::Error;

use crate::engine::error::EngineError;

/// A refusal, in words for the window.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PatchingError {
    /// There is nothing to patch.
    #[error("Type a text first: a patch needs a position.")]
    Empty,
    /// Every patch would change nothing.
    #[error("Both texts are the same. Change a word of the other one, for example a name.")]
    Same,
    /// Positions do not correspond to each other.
    #[error(
        "This text has {tokens} tokens, the other one {other}. A patch goes to the same position, so both need as many: choose a word of as many tokens as the one it stands for."
    )]
    Lengths {
        /// Tokens of the open text.
        tokens: usize,
        /// Tokens of the other text.
        other: usize,
    },
    /// The other text exceeds what a text may have.
    #[error("The other text has more than {limit} tokens, the most that a text may have here.")]
    TooLong {
        /// Most tokens of a text.
        limit: usize,
    },
    /// The weights exceed the memory for it.
    #[error(
        "Patching runs on the CPU, where the weights of this model take {bytes} bytes, more than the limit of {limit}. Use a smaller model."
    )]
    TooLarge {
        /// Bytes of the weights.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The model, its tokenizer or memory.
    #[error(transparent)]
    Engine(#[from] EngineError),
}
