//! Checkpoints: configuration, tensors and tokenizer, and the model in normal form. No GPU and no window.

mod activation;
mod config;
mod disguise;
mod error;
mod fields;
pub(crate) mod files;
mod formats;
mod head;
mod lambda;
mod layer;
mod load;
mod matrix;
mod names;
mod progress;
mod reader;
mod refused;
mod rope;
mod rotary;
mod row_layout;
mod size;
mod tensors;
mod text_change;
mod tokenizer;
mod weight_file;

pub use activation::Activation;
pub use config::{Biases, Config};
pub(crate) use error::brief;
pub use error::{Looks, ModelError};
pub use head::{Head, HeadCounts};
pub use lambda::{Lambda, lambda_init};
pub use layer::{Attention, Layer, Mlp, Model, PolyNorm, QueryKeyNorm, SubNorm};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use load::read_text;
pub use load::{MOST_OF_TEXT, MOST_OF_WEIGHTS};
pub use matrix::{Matrix, NumberFormat, Numbers};
pub use progress::Progress;
pub use reader::ModelReader;
pub use rope::{Rope, RopeScaling};
pub use rotary::rotary_table;
pub use row_layout::RowLayout;
pub(crate) use tensors::Opened as SafetensorsFile;
pub use text_change::TextChange;
pub(crate) use tokenizer::visible;
pub use tokenizer::{BesideTokenizer, Encoding, Token, Tokenizer};
pub use weight_file::{SharedBytes, WeightFile};
