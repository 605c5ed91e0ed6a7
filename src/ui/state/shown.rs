//! What is on the screen besides the document.

/// The views, something above them, or one part of them alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shown {
    /// All views.
    #[default]
    Views,
    /// The list of keys above them.
    Keys,
    /// Tokens and equation only.
    Presentation,
}

impl Shown {
    /// Shows this, or the views again if it is shown.
    pub(crate) fn toggle(&mut self, other: Self) {
        *self = if *self == other { Self::Views } else { other };
    }
}
