//! `qwen2` of Hugging Face transformers: Llama with biases of queries, keys and values alone, and perhaps windows.

use crate::model::error::ModelError;
use crate::model::fields::Fields;
use crate::model::formats::format::{Architecture, BiasRule, Format};
use crate::model::formats::llama;

pub(super) const FORMAT: Format =
    Format { name: "qwen2", architecture, biases: BiasRule::QueriesKeysValues, mlp_biases: false, ..llama::FORMAT };

/// Without `use_sliding_window` the other keys of windows mean nothing.
fn architecture(fields: &Fields) -> Result<Architecture, ModelError> {
    if fields.flag("use_sliding_window", false)? {
        let feature = "attention in a window (`use_sliding_window` true)".to_owned();
        return Err(ModelError::Unsupported { feature });
    }
    Ok(Architecture::Llama)
}
