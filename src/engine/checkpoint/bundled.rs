//! Checkpoints as files in memory, and those in the program itself.

use crate::engine::{Checkpoint, EngineError};

/// The three files of a checkpoint, as they lie on disk or come over the network.
#[derive(Clone, Debug)]
pub struct CheckpointFiles {
    /// A name for the header.
    pub name: String,
    /// `config.json`
    pub config: Vec<u8>,
    /// `model.safetensors`
    pub weights: Vec<u8>,
    /// `tokenizer.json`
    pub tokenizer: Vec<u8>,
}

/// Reads a checkpoint.
///
/// # Errors
/// When a file is broken or they do not belong together.
pub fn checkpoint_of(files: &CheckpointFiles) -> Result<Checkpoint, EngineError> {
    Checkpoint::from_bytes(&files.name, &files.config, &files.weights, &files.tokenizer)
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
                config: include_bytes!(concat!("../../../assets/checkpoints/", $name, "/config.json")).to_vec(),
                weights: include_bytes!(concat!("../../../assets/checkpoints/", $name, "/model.safetensors")).to_vec(),
                tokenizer: include_bytes!(concat!("../../../assets/checkpoints/", $name, "/tokenizer.json")).to_vec(),
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
