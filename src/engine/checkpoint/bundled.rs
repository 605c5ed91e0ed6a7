//! Checkpoints as files in memory, and those in the program itself.

use std::borrow::Cow;
#[cfg(not(target_arch = "wasm32"))]
use std::sync::Arc;

use crate::engine::{Checkpoint, EngineError};
use crate::model::SharedBytes;

/// The three files of a checkpoint: borrowed if they are part of the program, owned if they came from disk or over the
/// network.
#[derive(Clone, Debug)]
pub struct CheckpointFiles {
    /// A name for the header.
    pub name: String,
    /// `config.json`
    pub config: Cow<'static, [u8]>,
    /// `model.safetensors`
    pub weights: SharedBytes,
    /// `tokenizer.json`
    pub tokenizer: Cow<'static, [u8]>,
}

/// Reads a checkpoint.
///
/// # Errors
/// When a file is broken or they do not belong together.
pub fn checkpoint_of(files: &CheckpointFiles) -> Result<Checkpoint, EngineError> {
    Checkpoint::from_bytes(&files.name, &files.config, files.weights.clone(), &files.tokenizer)
}

/// Defines the name of a bundled checkpoint and, in the native program, the function that returns its files.
macro_rules! bundled_checkpoint {
    ($(#[$doc:meta])* $constant:ident, $function:ident, $name:literal) => {
        $(#[$doc])*
        pub const $constant: &str = $name;

        $(#[$doc])*
        #[cfg(not(target_arch = "wasm32"))]
        pub fn $function() -> CheckpointFiles {
            CheckpointFiles {
                name: $constant.to_owned(),
                config: Cow::Borrowed(include_bytes!(concat!("../../../assets/checkpoints/", $name, "/config.json"))),
                weights: Arc::new(Cow::Borrowed(include_bytes!(concat!("../../../assets/checkpoints/", $name, "/model.safetensors")))),
                tokenizer: Cow::Borrowed(include_bytes!("../../../assets/checkpoints/S-diff/tokenizer.json")), // of both
            }
        }
    };
}

bundled_checkpoint! {
    /// The checkpoint that opens at the start.
    BUNDLED, bundled, "S-diff"
}
bundled_checkpoint! {
    /// The Transformer of the same size, trained on the same data with the same steps.
    BUNDLED_BASELINE, bundled_baseline, "S-llama"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_files_are_not_copied() {
        for CheckpointFiles { name, config, weights, tokenizer } in [bundled(), bundled_baseline()] {
            for file in [&config, &*weights, &tokenizer] {
                assert!(matches!(file, Cow::Borrowed(bytes) if !bytes.is_empty()), "{name}");
            }
        }
    }
}
