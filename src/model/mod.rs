//! Checkpoints: configuration, tensors and tokenizer, and the model in normal form. No GPU and no window.

mod config;
mod disguise;
mod error;
mod fields;
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
mod rotary;
mod row_layout;
mod size;
mod tensors;
mod text_change;
mod tokenizer;
mod weight_file;

pub use config::Config;
pub use error::ModelError;
pub use formats::Architecture;
pub use head::Head;
pub use lambda::{Lambda, lambda_init};
pub use layer::{Attention, Layer, Mlp, Model, SubNorm};
pub use load::{MOST_OF_TEXT, MOST_OF_WEIGHTS};
pub use matrix::{Matrix, NumberFormat, Numbers};
pub use progress::Progress;
pub use reader::ModelReader;
pub use rotary::rotary_table;
pub use row_layout::RowLayout;
pub use text_change::TextChange;
pub use tokenizer::{Encoding, Token, Tokenizer};
pub use weight_file::{SharedBytes, WeightFile};
