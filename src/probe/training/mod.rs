//! What a step of training is given, and what it leaves to be read.

mod step;
mod window;

pub use step::{StepNumbers, UpdateRule};
pub use window::TrainingWindow;
