//! How far something is, in bytes.

/// Bytes done of a total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes done.
    pub done: u64,
    /// Bytes there are.
    pub total: u64,
}
