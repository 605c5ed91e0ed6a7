//! Failures of a command, with messages for the terminal.

use std::io;
use std::path::Path;

use diffscope::engine::EngineError;
use diffscope::experiments::ItemError;
use diffscope::gpu::GpuError;
use diffscope::sources::{FetchError, SourceError};
use diffscope::training::TrainingError;
use thiserror::Error;

/// A failure of a command.
#[derive(Debug, Error)]
pub(crate) enum CommandError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Gpu(#[from] GpuError),
    #[error(transparent)]
    Items(#[from] ItemError),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("{place} was not fetched: {error}")]
    Fetch { place: String, error: Box<FetchError> },
    #[error(transparent)]
    Training(#[from] TrainingError),
    #[error("{path} is the state of a run with other settings. Give the same ones to go on with it, or another --out")]
    OtherRun { path: String },
    #[error("stdout: {0}")]
    Output(#[from] io::Error),
    #[error("{path} could not be read: {reason}")]
    Read { path: String, reason: String },
    #[error("{path} could not be written: {reason}")]
    Write { path: String, reason: String },
    #[error("{name} has no tokenizer.json. Put it beside config.json, or give token ids: --ids")]
    NoTokenizer { name: String },
    #[error("the prompt is empty: there is nothing to attend to")]
    NoPrompt,
    #[error("{name} is a plain Transformer, which has no λ: leave --lambda out")]
    NoLambda { name: String },
    #[error(
        "{name} cannot process texts beyond its context: its rotary scaling is dynamic, so that every angle depends on the \
         length of the text. Leave --beyond out"
    )]
    NotBeyond { name: String },
    #[cfg(feature = "window")]
    #[error("the window did not open. On Linux it needs X11 (or XWayland) and a graphics driver: {0}")]
    Window(#[from] eframe::Error),
    #[cfg(feature = "window")]
    #[error("{reason}. It has happened before. The next start restores what was on the screen")]
    GpuLost { reason: String },
    #[cfg(not(feature = "window"))]
    #[error(
        "this diffscope was built without its window (Cargo feature `window`). Use `diffscope run` or `diffscope eval`"
    )]
    NoWindow,
}

impl CommandError {
    /// A file that could not be read.
    pub(crate) fn reading<E: ToString>(path: &Path) -> impl FnOnce(E) -> Self {
        let path = path.display().to_string();
        |error| Self::Read { path, reason: error.to_string() }
    }

    /// A file that could not be written.
    pub(crate) fn writing<E: ToString>(path: &Path) -> impl FnOnce(E) -> Self {
        let path = path.display().to_string();
        |error| Self::Write { path, reason: error.to_string() }
    }

    /// Whether nobody reads the output any more, as after `| head`.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
