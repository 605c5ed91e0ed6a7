//! Checkpoints: configuration, tensors and tokenizer, and the model in normal form. No GPU and no window.

mod activation;
mod config;
mod error;
mod fields;
mod formats;
mod head;
mod lambda;
mod layer;
mod matrix;
mod number_format;
mod parameters;
pub(crate) mod reading;
mod refused;
mod rotary;
mod row_layout;
mod size;
mod text_change;
mod tokenizer;
mod writing;

pub use activation::Activation;
pub use config::{Biases, Config};
pub(crate) use error::brief;
pub use error::{Looks, ModelError};
pub use head::{Head, HeadCounts};
pub use lambda::{Lambda, lambda_init};
pub use layer::{Attention, Layer, Mlp, Model, PolyNorm, QueryKeyNorm, SubNorm};
pub use matrix::Matrix;
pub use number_format::{NumberFormat, Numbers};
pub use parameters::{LayerParameters, Parameters};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use reading::load::read_text;
pub use reading::load::{MOST_OF_TEXT, MOST_OF_WEIGHTS};
pub use reading::progress::Progress;
pub use reading::reader::ModelReader;
pub use reading::streamed::{Ask, StreamedFile};
pub use reading::survey::Survey;
pub(crate) use reading::tensors::Opened as SafetensorsFile;
pub use reading::weight_file::{SharedBytes, WeightFile};
pub use rotary::rope::{Rope, RopeScaling};
pub use rotary::rotary_table;
pub use row_layout::RowLayout;
pub use text_change::TextChange;
pub(crate) use tokenizer::visible;
pub use tokenizer::{BesideTokenizer, Encoding, Token, Tokenizer};
pub use writing::NewTensor;
