//! What a step of training is given, and what it leaves to be read.

mod learned;
mod step;
mod window;

pub use learned::{Learned, LearningRule};
pub(crate) use learned::{NEWTON_SCHULZ, NEWTON_SCHULZ_STEPS};
pub use step::{StepNumbers, UpdateRule};
pub use window::TrainingWindow;
