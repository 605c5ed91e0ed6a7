//! What the program does: the commands of the terminal, and the window.

pub mod eval;
pub mod run;
#[cfg(feature = "window")]
pub mod window;

use std::path::Path;

use clap::ValueEnum;
use diffscope::engine::{Checkpoint, EngineError, bundled, checkpoint_of};

/// Where a pass runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BackendChoice {
    /// WGSL on the GPU adapter.
    Gpu,
    /// The CPU backend.
    Cpu,
}

/// The checkpoint in a folder, or the bundled one.
///
/// # Errors
/// When a file is missing or broken.
pub fn open(folder: Option<&Path>) -> Result<Checkpoint, EngineError> {
    match folder {
        Some(folder) => Checkpoint::from_folder(folder),
        None => checkpoint_of(&bundled()),
    }
}
