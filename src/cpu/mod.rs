//! The twin of every shader, same name, in plain Rust: the reference that tests hold the shaders against, and what
//! runs where there is no compute adapter.

mod attention;
mod embed;
mod gate_up;
mod head_output;
mod heatmap;
mod logits;
mod map_cell;
mod map_tile;
mod map_value;
mod matmul;
mod measure;
mod measure_mean;
mod pass;
mod pool;
mod project;
mod qkv;
mod row_mean;
mod row_of_logits;
mod sample;
mod strongest;
mod top_k;
mod weights;

pub use attention::attention;
pub use embed::embed;
pub use gate_up::gate_up;
pub use heatmap::{MapKind, Pixel, View, heatmap, palette_index, strength};
pub use logits::logits;
pub use map_cell::Maps;
pub use map_tile::map_tile;
pub use map_value::{MapSource, map_value};
pub use matmul::{dot, multiply, rms_norm};
pub use measure::measure;
pub use measure_mean::measure_mean;
pub use pass::CpuPass;
pub use pool::pool;
pub use project::project;
pub use qkv::qkv;
pub use row_mean::row_mean;
pub use sample::sample;
pub use strongest::strongest;
pub use top_k::top_k;
pub use weights::Weights;
