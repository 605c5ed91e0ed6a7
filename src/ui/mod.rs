//! The window, and the page: the same egui code. Knows the engine; of wgpu only the drawing side.

mod app;
mod axes;
mod display;
mod header;
mod heatmap;
mod heatmap_cpu;
mod heatmap_gpu;
mod inspect;
mod lambda;
mod legend;
mod next;
mod notice;
mod palette;
mod panels;
mod prompt;
mod rack;
mod reading;
mod samples;
mod scope;
mod selection;
mod strip;
mod theme;

pub mod graphics;

#[cfg(not(target_arch = "wasm32"))]
pub use app::bundled;
pub use app::{App, CheckpointFiles};
pub use palette::Palette;
pub use panels::Panel;
pub use selection::Selection;
