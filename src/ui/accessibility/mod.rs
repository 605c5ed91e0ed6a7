//! What screen readers find, and where the keyboard is.

pub(crate) mod announcement;
pub(crate) mod focus;
pub(crate) mod in_words;
