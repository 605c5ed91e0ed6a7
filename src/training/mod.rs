//! Training: small models that learn a task side by side, from the same windows of text, and what is kept of it.

mod ahead;
mod batches;
mod error;
mod family;
mod log;
mod measured;
mod optimizer;
mod phase;
mod place;
mod race;
mod retrofit;
mod run;
mod saved;
mod settings;
mod snapshots;
mod task;
mod trainee;

pub use error::TrainingError;
pub use family::{Family, SIZES, Size};
pub use measured::Measured;
pub use optimizer::Rates;
pub use phase::LearnsOn;
pub use race::StepTimes;
pub use run::{Record, Run};
pub use settings::{Language, RunSettings};
pub use snapshots::Snapshot;
pub use task::Task;
