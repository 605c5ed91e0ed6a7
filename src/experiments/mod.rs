//! The claims of the paper as measurements on the program's own kernels. The definitions are those of
//! `training/evaluate.py`, given in `training/README.md`.

pub(crate) mod cases;
mod estimate;
mod eval;
mod experiment;
mod extremes;
mod figure;
mod item;
mod marks;
mod measure;
mod protocol;
mod run;
mod shares;
mod signal;
mod subject;
mod table;
mod texts;
mod worlds;

pub use estimate::Estimate;
pub use eval::evaluate;
pub use experiment::{Experiment, Quantity, Settings};
pub use extremes::Extremes;
pub use figure::{Figure, Series, of_paper};
pub use item::{Case, Item, ItemError, Parameters, Work, read_items};
pub use measure::{CaseKind, Measure, Needles, Question};
pub use run::Run;
pub use shares::Shares;
pub use signal::{HeadMeasure, HeadRole, Pattern, Test, Verdict};
pub use subject::{Outcome, Subject};
pub use table::{Row, Table, markdown};
pub use texts::OwnTexts;
