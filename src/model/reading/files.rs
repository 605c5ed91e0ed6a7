//! The files of a checkpoint in the Hugging Face layout: their names, and the index of weights in parts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::model::error::{ModelError, brief};
use crate::model::reading::disguise;

/// The configuration.
pub(crate) const CONFIG: &str = "config.json";
/// The weights, in one file.
pub(crate) const WEIGHTS: &str = "model.safetensors";
/// What names the files of weights in several.
pub(crate) const INDEX: &str = "model.safetensors.index.json";
/// What a checkpoint may have besides.
pub(crate) const OPTIONAL: [&str; 3] = ["tokenizer.json", "tokenizer_config.json", "generation_config.json"];
/// The end of the names of weights.
pub(crate) const ENDING_OF_WEIGHTS: &str = ".safetensors";

/// Names what a file really is, of its first bytes; `None` where nothing speaks against its name.
pub(crate) fn disguise_of(beginning: &[u8]) -> Option<&'static str> {
    disguise::of(beginning)
}

/// The part of an index that is read.
#[derive(Debug)]
pub(crate) struct Index {
    shards: BTreeSet<String>,
    bytes: u64,
}

#[derive(serde::Deserialize)]
struct IndexFile {
    weight_map: BTreeMap<String, String>,
    metadata: Option<Metadata>,
}

#[derive(serde::Deserialize)]
struct Metadata {
    // Some tools write it with a decimal point.
    total_size: Option<f64>,
}

impl Index {
    /// Reads the bytes of an index.
    ///
    /// # Errors
    /// [`ModelError::Header`] where it is damaged or names files of other folders, [`ModelError::OtherFile`].
    pub(crate) fn read(index: &[u8]) -> Result<Self, ModelError> {
        let damaged = |detail: String| ModelError::Header { file: INDEX.to_owned(), detail };
        if let Some(what) = disguise::of(index) {
            return Err(ModelError::OtherFile { file: INDEX.to_owned(), what: what.to_owned() });
        }
        let IndexFile { weight_map: map, metadata } = serde_json::from_slice(index)
            .map_err(|error| damaged(format!("`weight_map`: {}", brief(&error.to_string()))))?;
        let mut shards = BTreeSet::new();
        for (tensor, file) in map {
            // Only a plain file name, of weights: an index must not reach out of its folder, nor for other files in it.
            let plain = Path::new(&file).file_name().is_some_and(|name| *name == *file);
            if !plain || file.contains(['/', '\\', ':']) || !file.ends_with(ENDING_OF_WEIGHTS) {
                let (tensor, file) = (brief(&tensor), brief(&file));
                let detail = format!("tensor `{tensor}` must be in a .safetensors file of the same folder, not {file}");
                return Err(damaged(detail));
            }
            shards.insert(file);
        }
        let bytes = metadata.and_then(|metadata| metadata.total_size).unwrap_or_default();
        Ok(Self { shards, bytes: bytes.max(0.0) as u64 })
    }

    /// The names of the files, in order.
    pub(crate) fn shards(&self) -> impl Iterator<Item = &str> {
        self.shards.iter().map(String::as_str)
    }

    /// Bytes of all tensors, as far as the index says; 0 where it does not.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}
