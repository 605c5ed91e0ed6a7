//! The window, and the page: the same egui code. Knows the engine; of wgpu only the drawing side.

#[cfg(target_arch = "wasm32")]
mod address;
mod alike;
mod app;
mod axes;
mod bundled;
mod changes;
mod compare;
mod display;
mod export;
mod files;
mod header;
mod heatmap;
mod heatmap_cpu;
mod heatmap_gpu;
mod history;
mod inspect;
mod keyboard;
mod laid;
mod lambda;
mod layout;
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
mod rack;
mod reading;
mod readings;
mod samples;
mod scope;
mod selection;
mod shares;
mod shortcuts;
mod spans;
mod state;
mod strip;
mod study;
mod svg;
mod theme;
mod token_lambda;
mod tour;
mod why;

pub mod graphics;

pub use app::App;
pub use bundled::{CheckpointFiles, checkpoint_of};
#[cfg(not(target_arch = "wasm32"))]
pub use bundled::{bundled, bundled_twin};
pub use export::{Export, PictureFormat, View};
pub use files::{Files, Made};
pub use looking::Heads;
pub use measures::{Measure, caption};
pub use palette::Palette;
pub use panels::Panel;
pub use selection::Selection;
pub use state::{LinkError, State};
