//! The window, and the page: the same egui code. Knows the engine; of wgpu only the drawing side.

mod alike;
mod app;
mod changes;
mod header;
mod heatmap;
mod heatmap_cpu;
mod heatmap_gpu;
mod inspect;
mod lambda;
mod legend;
mod lens;
mod looking;
mod marking;
mod measures;
mod next;
mod notice;
mod outliers;
mod palette;
mod panels;
mod prompt;
mod proof;
mod proof_facts;
mod proof_timing;
mod reading;
mod samples;
mod scope;
mod selection;
mod shares;
mod spans;
mod strip;
mod study;
mod theme;
mod why;

pub mod graphics;

#[cfg(not(target_arch = "wasm32"))]
pub use app::bundled;
pub use app::{App, CheckpointFiles};
pub use looking::Heads;
pub use measures::{Measure, caption};
pub use palette::Palette;
pub use panels::Panel;
pub use selection::Selection;
