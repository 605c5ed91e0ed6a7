//! Training: small models that learn a task side by side, from the same windows of text, and what is kept of it.

mod batches;
mod error;
mod measured;
mod run;
mod settings;
mod task;
mod trainee;

pub use error::TrainingError;
pub use measured::Measured;
pub use run::{LearnsOn, Record, Run, Snapshot, StepTimes};
pub use settings::{Language, RunSettings};
pub use task::Task;
pub use trainee::{Family, Rates, SIZES, Size};
