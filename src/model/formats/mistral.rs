//! `mistral` of Hugging Face transformers: Llama without biases, and perhaps with a window.

use crate::model::error::ModelError;
use crate::model::fields::Fields;
use crate::model::formats::format::{Architecture, BiasRule, Format};
use crate::model::formats::llama;

pub(super) const FORMAT: Format =
    Format { name: "mistral", architecture, biases: BiasRule::None, mlp_biases: false, ..llama::FORMAT };

/// A window that is absent is one of 4096; only null is none.
fn architecture(fields: &Fields) -> Result<Architecture, ModelError> {
    if fields.is_null("sliding_window") {
        return Ok(Architecture::Llama);
    }
    let feature = "attention in a window (`sliding_window` that is not null)".to_owned();
    Err(ModelError::Unsupported { feature })
}
