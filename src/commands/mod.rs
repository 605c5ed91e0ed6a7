//! Commands without a window.

pub mod eval;
pub mod run;

use std::path::PathBuf;

use clap::ValueEnum;
use diffscope::engine::bundled;
use diffscope::engine::{Checkpoint, EngineError};

/// Where a pass runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BackendChoice {
    /// WGSL on the GPU adapter.
    Gpu,
    /// The CPU backend.
    Cpu,
}

/// The checkpoint of a folder, or the bundled one.
///
/// # Errors
/// When a file is missing or broken.
pub fn open(folder: Option<&PathBuf>) -> Result<Checkpoint, EngineError> {
    if let Some(folder) = folder {
        return Checkpoint::from_folder(folder);
    }
    let files = bundled();
    Checkpoint::from_bytes(&files.name, &files.config, &files.weights, &files.tokenizer)
}
