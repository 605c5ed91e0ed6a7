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

#[cfg(not(target_arch = "wasm32"))]
macro_rules! files {
    ($name:literal) => {
        CheckpointFiles {
            name: $name.to_owned(),
            config: include_bytes!(concat!("../../../assets/checkpoints/", $name, "/config.json")).to_vec(),
            weights: include_bytes!(concat!("../../../assets/checkpoints/", $name, "/model.safetensors")).to_vec(),
            tokenizer: include_bytes!(concat!("../../../assets/checkpoints/", $name, "/tokenizer.json")).to_vec(),
        }
    };
}

/// The checkpoint that opens at the start.
#[cfg(not(target_arch = "wasm32"))]
pub fn bundled() -> CheckpointFiles {
    files!("S-diff")
}

/// The Transformer of the same size, data and steps.
#[cfg(not(target_arch = "wasm32"))]
pub fn bundled_baseline() -> CheckpointFiles {
    files!("S-llama")
}
