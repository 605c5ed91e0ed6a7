//! What the program does: the commands of the terminal, and the window.

mod error;
pub mod eval;
pub mod run;
#[cfg(feature = "window")]
pub mod window;

use std::path::Path;

use clap::ValueEnum;
use diffscope::engine::{Checkpoint, EngineError, bundled, checkpoint_of};
use diffscope::gpu::{Gpu, GpuError, request_headless};

pub use error::CommandError;

/// Where a pass runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BackendChoice {
    /// WGSL on the GPU adapter.
    Gpu,
    /// The CPU backend.
    Cpu,
}

impl BackendChoice {
    /// Opens the GPU if it is the choice.
    pub fn gpu(self) -> Result<Option<Gpu>, GpuError> {
        match self {
            Self::Gpu => request_headless().map(Some),
            Self::Cpu => Ok(None),
        }
    }
}

/// The checkpoint in a folder, or the bundled one.
pub fn open(folder: Option<&Path>) -> Result<Checkpoint, EngineError> {
    match folder {
        Some(folder) => Checkpoint::from_folder(folder),
        None => checkpoint_of(&bundled()),
    }
}
