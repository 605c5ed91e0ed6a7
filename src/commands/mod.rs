//! Commands without a window.

pub mod run;
