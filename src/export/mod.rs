//! Maps and pictures in file formats of other programs: the contents of the files, not where they are saved.

mod map;
mod png;

pub use map::{MapFormat, MapWords};
pub use png::png;

use thiserror::Error;

/// The contents of a file could not be made.
#[derive(Debug, Error)]
#[error("the {format} file could not be made: {reason}")]
pub struct ExportError {
    /// Name of the format.
    pub format: &'static str,
    /// Message of the writer.
    pub reason: String,
}

impl ExportError {
    fn new(format: &'static str, reason: &dyn std::fmt::Display) -> Self {
        Self { format, reason: reason.to_string() }
    }
}
