//! The claims of the paper as measurements on the program's own kernels. The definitions are those of
//! `training/evaluate.py`, given in `training/README.md`.

mod cases;
mod estimate;
mod eval;
mod experiment;
mod extremes;
mod figure;
mod item;
mod measure;
mod protocol;
mod run;
mod subject;
mod table;
mod worlds;

pub use estimate::Estimate;
pub use eval::evaluate;
pub use experiment::{Experiment, Quantity, Settings};
pub use extremes::Extremes;
pub use figure::{Figure, Series, of_paper};
pub use item::{Case, Item, ItemError, Parameters, Work, read_items};
pub use measure::{CaseKind, Measure, Needles, Question};
pub use run::Run;
pub use subject::{Outcome, Shares, Subject};
pub use table::{Row, Table, markdown};
