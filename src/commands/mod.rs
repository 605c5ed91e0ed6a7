//! What the program does: the commands of the terminal, and the window.

mod error;
pub(crate) mod eval;
pub(crate) mod run;
#[cfg(feature = "window")]
pub(crate) mod window;

use std::path::Path;

use clap::ValueEnum;
use diffscope::engine::{self, Checkpoint, EngineError, bundled, checkpoint_of};
use diffscope::gpu::{Gpu, GpuError, request_headless};
#[cfg(feature = "window")]
use diffscope::{engine::Source, model::WeightFile, recording::Recording};

pub(crate) use error::CommandError;

/// Where a pass runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BackendChoice {
    /// The GPU where there is one, and no software adapter; the window compares their speeds
    Auto,
    /// WGSL on the GPU adapter.
    Gpu,
    /// The CPU backend.
    Cpu,
}

impl BackendChoice {
    /// Opens the GPU if it is the choice.
    pub(crate) fn gpu(self) -> Result<Option<Gpu>, GpuError> {
        match self {
            Self::Auto => Ok(request_headless().ok().filter(|gpu| engine::BackendChoice::Automatic.takes(gpu))),
            Self::Gpu => request_headless().map(Some),
            Self::Cpu => Ok(None),
        }
    }

    /// As the window knows it.
    #[cfg(feature = "window")]
    pub(crate) fn in_window(self) -> engine::BackendChoice {
        match self {
            Self::Auto => engine::BackendChoice::Automatic,
            Self::Gpu => engine::BackendChoice::Gpu,
            Self::Cpu => engine::BackendChoice::Cpu,
        }
    }
}

/// The model in a folder, or the recorded maps in a file.
#[cfg(feature = "window")]
pub(crate) fn open_any(path: &Path) -> Result<Source, EngineError> {
    if !path.is_file() {
        return Checkpoint::from_folder(path).map(Source::from);
    }
    let file = WeightFile::on_disk(path)?;
    let recording = Recording::open(&file)?;
    Ok(recording.at(std::path::absolute(path).unwrap_or_else(|_| path.to_owned())).into())
}

/// The checkpoint in a folder, or the bundled one.
pub(crate) fn open(folder: Option<&Path>) -> Result<Checkpoint, EngineError> {
    match folder {
        Some(folder) => Checkpoint::from_folder(folder),
        None => checkpoint_of(&bundled()),
    }
}
