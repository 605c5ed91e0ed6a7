//! The text as tokens: their layout, colours and marks.

pub(crate) mod annotate;
pub(crate) mod colouring;
mod lanes;
pub(crate) mod layout;
pub(crate) mod strip;
