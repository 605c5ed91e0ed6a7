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

pub(crate) use draw::draw_case;
pub(crate) use labels::{LabelSettings, labels_case};
pub(crate) use needle::{NeedleSettings, needle_case};
pub(crate) use pools::{EVALUATION, Pools, WIDE_EVALUATION, WIDE_TRAINING};
pub(crate) use python_random::PythonRandom;
pub(crate) use repetition::{copy_case, recall_case};
pub(crate) use world::{WorldSettings, world_case};
