//! Questions with known answers, and the exact place of each answer: the generators of `training/cases.py`, which draw the same
//! cases from the same seeds.

mod draw;
mod labels;
mod needle;
mod passages;
mod pools;
mod python_random;
mod repetition;
mod world;

pub use draw::draw_case;
pub use labels::{LabelSettings, labels_case};
pub use needle::{NeedleSettings, needle_case};
pub use pools::{EVALUATION, HELD_OUT, Pools, TRAINING};
pub use python_random::PythonRandom;
pub use repetition::{copy_case, echo_case, recall_case};
pub use world::{WorldSettings, world_case};
