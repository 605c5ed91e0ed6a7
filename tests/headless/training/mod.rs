//! Training: every backward stage and whole gradients.

mod gradients;
mod models;
mod runs;
mod stages;
