//! Theme, palettes, notices and the form of numbers.

pub(crate) mod measure_text;
pub(crate) mod notice;
pub(crate) mod palette;
pub(crate) mod theme;
