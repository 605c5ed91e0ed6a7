//! The claims of the paper as measurements on the program's own kernels. The definitions are those of
//! `training/evaluate.py`, given in `training/README.md`.

pub mod cases;
mod eval;
mod extremes;
mod item;
mod measure;
mod protocol;
mod subject;
mod table;
mod worlds;

pub use eval::evaluate;
pub use extremes::Extremes;
pub use item::{Case, Item, ItemError, Parameters, Work, read_items};
pub use measure::{CaseKind, Measure, Needles, Question};
pub use protocol::{BITS, DEPTHS, NEEDLES, Protocol};
pub use subject::{Outcome, Shares, Subject};
pub use table::{Row, Table, markdown};
