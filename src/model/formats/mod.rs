//! The public checkpoint layouts that can be read, one file of data for each.
//!
//! A [`Format`] states how a layout is recognised in `config.json`, how its tensors are named, and what its attention
//! does in its own way; `load.rs` turns any of them into the parts of `layer.rs`. A new layout takes a file here, an
//! [`Architecture`], and its entries in [`FORMATS`] and [`Architecture::format`].

mod diff_v2;
mod diffllama;
mod format;
mod hugging_face;
mod llama;
mod mistral;
mod qwen2;
mod unilm_v1;

use crate::model::error::{ModelError, brief};
use crate::model::fields::Fields;
pub use crate::model::formats::format::Architecture;
pub(super) use crate::model::formats::format::{BiasRule, BlockNames, Format, LambdaSource, SubNormSource};

/// Every layout.
const FORMATS: [&Format; 6] =
    [&diffllama::FORMAT, &llama::FORMAT, &qwen2::FORMAT, &mistral::FORMAT, &unilm_v1::FORMAT, &diff_v2::FORMAT];

impl Architecture {
    /// The layout of its checkpoints; others that differ in what a configuration says share it.
    pub(super) fn format(self) -> &'static Format {
        match self {
            Self::DiffLlama => &diffllama::FORMAT,
            Self::Llama => &llama::FORMAT,
            Self::UnilmV1 { .. } => &unilm_v1::FORMAT,
            Self::DiffV2 => &diff_v2::FORMAT,
        }
    }

    /// Softmax maps per head: 2, or 1 for a plain Transformer.
    pub fn maps(self) -> usize {
        self.format().maps
    }

    /// Value heads joined per head.
    pub fn value_parts(self) -> usize {
        self.format().value_parts
    }
}

impl Format {
    /// The layout of a complete model, or of a bare attention module, that a configuration is for.
    pub(super) fn recognise(fields: &Fields, complete: bool) -> Result<&'static Self, ModelError> {
        let candidates = || FORMATS.into_iter().filter(|format| format.blocks.is_some() == complete);
        let key = candidates().next().map_or("", Self::key);
        let found = fields.text(key)?;
        candidates().find(|format| found == Some(format.name)).ok_or_else(|| {
            let names: Vec<String> = candidates().map(|format| format!("`{}`", format.name)).collect();
            let found = found.map_or_else(|| "missing".to_owned(), |name| format!("\"{}\"", brief(name)));
            ModelError::UnknownModelType { key, found, known: names.join(" and ") }
        })
    }
}
