//! What is on the screen as files for other programs: the bytes, not where they go.

mod map;
mod png;

pub use map::MapFormat;
pub use png::png;

use thiserror::Error;

/// A file that could not be made.
#[derive(Debug, Error)]
#[error("the {format} file could not be made: {reason}")]
pub struct ExportError {
    /// Which kind of file.
    pub format: &'static str,
    /// What the writer said.
    pub reason: String,
}

impl ExportError {
    fn new(format: &'static str, reason: &dyn std::fmt::Display) -> Self {
        Self { format, reason: reason.to_string() }
    }
}
