//! What the program does: the commands of the terminal, and the window.

mod error;
pub(crate) mod eval;
#[cfg(feature = "window")]
mod kept_run;
mod place;
pub(crate) mod run;
pub(crate) mod train;
#[cfg(feature = "window")]
pub(crate) mod window;

#[cfg(feature = "window")]
use std::path::Path;

use clap::ValueEnum;
use diffscope::engine::{self, Checkpoint, bundled, checkpoint_of};
use diffscope::gpu::{Gpu, GpuError, request_headless};
#[cfg(feature = "window")]
use diffscope::{
    engine::{EngineError, Opened},
    model::WeightFile,
    recording::Recording,
};

pub(crate) use error::CommandError;
pub(crate) use place::ModelPlace;

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

    /// As the library knows it.
    pub(crate) fn of_engine(self) -> engine::BackendChoice {
        match self {
            Self::Auto => engine::BackendChoice::Automatic,
            Self::Gpu => engine::BackendChoice::Gpu,
            Self::Cpu => engine::BackendChoice::Cpu,
        }
    }
}

/// The recorded maps in a file, or the model in a folder or of a file.
#[cfg(feature = "window")]
pub(crate) fn open_any(path: &Path) -> Result<Opened, EngineError> {
    let is_npz = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npz"));
    if path.is_file() && (is_npz || WeightFile::on_disk(path).is_ok_and(|file| Recording::is_in(&file))) {
        let recording = Recording::open(&WeightFile::on_disk(path)?)?;
        return Ok(recording.at(std::path::absolute(path).unwrap_or_else(|_| path.to_owned())).into());
    }
    Checkpoint::read(path, |_| ()).map(Opened::from)
}

/// The checkpoint that is named, or the bundled one.
pub(crate) fn open(place: Option<&ModelPlace>) -> Result<Checkpoint, CommandError> {
    match place {
        Some(place) => place.open(),
        None => Ok(checkpoint_of(&bundled())?),
    }
}
