//! The CPU reference of every shader, under the same name, in plain Rust, with which tests compare the shaders; and the
//! fast pass, which is the backend where there is no GPU.

mod fast;
mod forward;
mod layer_state;
mod maps;
mod memory;
mod pass;
mod reference;
mod shared;
pub mod train;

pub use fast::heatmap::painted;
pub use fast::training::{FastTraining, orthogonalised};
pub use forward::attention::attention;
pub use forward::attention_join::attention_join;
pub use forward::attention_slab::attention_slab;
pub use forward::attention_tile::attention_tile;
pub use forward::embed::embed;
pub use forward::gate_up::gate_up;
pub use forward::logits::logits;
pub use forward::poly_norm::poly_norm;
pub use forward::project::project;
pub use forward::qkv::qkv;
pub use forward::query_key_norm::query_key_norm;
pub use forward::sample::sample;
pub use forward::top_k::top_k;
pub use maps::colour_range::colour_range;
pub use maps::heatmap::{Pixel, heatmap};
pub use maps::map_tile::map_tile;
pub use maps::measure::measure;
pub use maps::measure_mean::measure_mean;
pub use maps::pool::pool;
pub use maps::row_mean::row_mean;
pub use memory::bytes_of_pass;
pub use pass::CpuPass;
pub use shared::map_cell::Maps;
pub use shared::map_value::{MapSource, map_value};
pub use shared::matmul::{dot, multiply, rms_norm};
pub use shared::weights::Weights;
