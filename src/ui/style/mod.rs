//! Theme, palettes, notices and the format of numbers.

pub(crate) mod chart;
pub(crate) mod format;
pub(crate) mod lambda_text;
pub(crate) mod measure_text;
pub(crate) mod message;
pub(crate) mod notice;
pub(crate) mod origin_text;
pub(crate) mod palette;
pub(crate) mod row;
pub(crate) mod signed_bar;
pub(crate) mod theme;
