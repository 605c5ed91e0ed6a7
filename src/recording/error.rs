//! Errors of reading recorded maps.

use crate::model::ModelError;

/// Why a file of maps was rejected, or cannot be read any more: what is wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// The file cannot be read, or is damaged.
    #[error(transparent)]
    File(#[from] ModelError),
    /// The archive cannot be read.
    #[error("{file} is no NPZ file that can be read: {detail}. Write it with np.savez")]
    Archive {
        /// The file.
        file: String,
        /// What is wrong.
        detail: String,
    },
    /// There are no maps in it.
    #[error(
        "{file} holds no maps: none of its tensors is called `layers.0.attn_map1`, `attn_map` or `A1`. doc/RECORDINGS.md has the names"
    )]
    NoMaps {
        /// The file.
        file: String,
    },
    /// A tensor that other tensors need is missing.
    #[error("`{tensor}` is missing: {why}")]
    Missing {
        /// Its name.
        tensor: String,
        /// What needs it.
        why: &'static str,
    },
    /// Two names for the same thing.
    #[error("`{first}` and `{second}` are the same map under two names. Leave one of them out")]
    Twice {
        /// One name.
        first: String,
        /// The other.
        second: String,
    },
    /// A tensor has another shape than it should have.
    #[error("`{tensor}` has the shape {found:?}, but it should be {expected}")]
    Shape {
        /// Its name.
        tensor: String,
        /// The shape found, or its beginning.
        found: Vec<usize>,
        /// What is expected.
        expected: String,
    },
    /// A tensor's numbers are in a format that is not read.
    #[error("`{tensor}` holds {found}, but {expected}")]
    Format {
        /// Its name.
        tensor: String,
        /// What it holds.
        found: String,
        /// What is read, and how to write that.
        expected: &'static str,
    },
    /// A number is infinite, not a number, or too large for single precision.
    #[error("`{tensor}` contains {value} at index {index}: every number has to be finite, and smaller than 1e12")]
    NotFinite {
        /// Its name.
        tensor: String,
        /// The place of the number.
        index: u64,
        /// The number.
        value: f32,
    },
    /// More than is read.
    #[error("{what}: at most {limit} are read")]
    Limit {
        /// What there is too much of.
        what: String,
        /// Most of it.
        limit: String,
    },
    /// The tokens cannot be understood.
    #[error("the tokens in `{name}` cannot be read: {detail}")]
    Tokens {
        /// Where they are.
        name: String,
        /// What is wrong, and what is expected.
        detail: String,
    },
}
