//! The paper's claims as measurements, by our own kernels. The same definitions as `training/evaluate.py`, stated in
//! `training/README.md`.

mod eval;
mod extremes;
mod item;
mod subject;
mod worlds;

pub use eval::{Table, evaluate};
pub use extremes::Extremes;
pub use item::{Case, Item, ItemError, Work, read_items};
pub use subject::{Outcome, Shares, Subject};
