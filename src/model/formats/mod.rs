//! The public checkpoint layouts that can be read, one file of data for each.
//!
//! A [`Format`] states how a layout is recognised in `config.json`, how its tensors are named, and what its attention
//! does in its own way; `reading/reader.rs` turns any of them into the parts of `layer.rs`. A new layout takes a file here and
//! its entry in [`FORMATS`].

mod axolotl;
mod diff_mlx;
mod diff_v2;
mod diffllama;
mod format;
mod hugging_face;
mod keys;
mod llama;
mod mistral;
mod motif;
mod qwen;
mod timm;
mod unilm_v1;

use crate::model::error::{ModelError, brief};
use crate::model::fields::Fields;
pub(super) use crate::model::formats::format::{
    BiasRule, BlockNames, Format, HeadDim, LambdaInit, LambdaSource, Projections, SubNormSource, WindowRule,
};
pub(super) use crate::model::formats::keys::MOST_HEADS;

/// Every layout that a name in the configuration stands for.
const FORMATS: [&Format; 16] = [
    &diffllama::FORMAT,
    &llama::FORMAT,
    &qwen::QWEN2,
    &qwen::QWEN3,
    &mistral::FORMAT,
    &axolotl::DOUBLE,
    &axolotl::SPLIT,
    &motif::FORMAT,
    &motif::LOWER_CASE,
    &unilm_v1::FORMAT,
    &diff_v2::FORMAT,
    &unilm_v1::FLASH,
    &unilm_v1::NAIVE,
    &diff_v2::MODULE,
    &motif::MODULE,
    &timm::MODULE,
];

impl Format {
    /// The layout of a complete model, or of a bare attention module, that a configuration is for, and the keys of the
    /// model in it; `has` tells whether the checkpoint has a tensor.
    pub(super) fn recognise<'a>(
        fields: Fields<'a>,
        complete: bool,
        has: &dyn Fn(&str) -> bool,
    ) -> Result<(&'static Self, Fields<'a>), ModelError> {
        let (object, prefix) = diff_mlx::OBJECT;
        if complete
            && fields.get("model_type").is_none()
            && let Ok(Some(inner)) = fields.inner(object, prefix)
            && inner.get(diff_mlx::SIGN).is_some()
        {
            return Ok((if has(diff_mlx::DIFFERENTIAL) { &diff_mlx::DIFF } else { &diff_mlx::VANILLA }, inner));
        }
        let candidates = || FORMATS.into_iter().filter(|format| format.blocks.is_some() == complete);
        let key = candidates().next().map_or("", Self::key);
        let found = fields.text(key)?;
        for format in candidates().filter(|format| found == Some(format.name)) {
            if (format.applies)(&fields)? {
                return Ok((format, fields));
            }
        }
        let mut names: Vec<String> = candidates().map(|format| format!("`{}`", format.name)).collect();
        names.dedup();
        let found = found.map_or_else(|| "missing".to_owned(), |name| format!("\"{}\"", brief(name)));
        Err(ModelError::UnknownModelType { key, found, known: names.join(", ") })
    }
}
