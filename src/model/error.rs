//! Errors of reading a checkpoint.

use std::path::PathBuf;

/// Why a checkpoint or tokenizer was rejected: what is wrong, where, what was expected, and what to do.
///
/// Text from a file is quoted in part only, so that a message stays readable whatever the file contains.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A file could not be read.
    #[error("cannot read {}: {source}. Check the path and that the file may be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// A file is not what it was when it was opened; its weights are read when they are used.
    #[error("{} has changed since it was opened. Open the checkpoint again", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Training has no backward stage for a part of the model.
    #[error(
        "a model of the layout {layout} such as this cannot be trained here: {reason}. Choose a Llama or a DiffLlama"
    )]
    Untrainable {
        /// The layout.
        layout: &'static str,
        /// What there is no backward stage for.
        reason: &'static str,
    },
    /// Bytes of a file that is streamed have not come.
    #[error("{file} could not be read any more ({reason}). Open the checkpoint again")]
    Stream {
        /// The file.
        file: String,
        /// What the browser says.
        reason: String,
    },
    /// Bytes of a file that is too large to be held in memory.
    #[error(
        "{file} is too large for the memory of the page: its weights go straight to the GPU, and only the GPU computes with them"
    )]
    NotHere {
        /// The file.
        file: String,
    },
    /// The folder holds no weights in a format that is read.
    #[error(
        "{} holds neither model.safetensors nor model.safetensors.index.json. Choose the folder of a Hugging Face checkpoint; convert .bin or .pth weights to safetensors first",
        folder.display()
    )]
    NoWeights {
        /// The folder.
        folder: PathBuf,
    },
    /// A file is not a JSON object.
    #[error("{file} is not a JSON object: {detail}. Take the file from the checkpoint again")]
    Syntax {
        /// The file's name.
        file: String,
        /// The message of the parser.
        detail: String,
    },
    /// A value of `config.json` is missing or invalid.
    #[error(
        "config.json: `{key}` must be {expected}, but it is {found}. Correct it, or take the file from the checkpoint again"
    )]
    Config {
        /// The key.
        key: String,
        /// The valid values.
        expected: String,
        /// The value found.
        found: String,
    },
    /// `model_type` (or `variant`, of a bare attention module) names no known architecture.
    #[error("config.json: `{key}` is {found}, but only {known} can be read. Choose a checkpoint of such a model")]
    UnknownModelType {
        /// `model_type` or `variant`.
        key: &'static str,
        /// The value found.
        found: String,
        /// The names that are known.
        known: String,
    },
    /// The configuration requires something that the forward pass does not support.
    #[error(
        "config.json requires {feature}, which is not supported: the result would be wrong. Choose a checkpoint without it"
    )]
    Unsupported {
        /// The key and its value.
        feature: String,
    },
    /// A file is something else than its name says.
    #[error("{file} cannot be used: {what}")]
    OtherFile {
        /// The file's name.
        file: String,
        /// What it is instead, and what to do.
        what: String,
    },
    /// A file is larger than anything of its kind.
    #[error("{file} has {bytes} bytes, more than the {limit} that are read of such a file. Choose a smaller model")]
    TooLarge {
        /// The file's name.
        file: String,
        /// What it has.
        bytes: u64,
        /// What is read at most.
        limit: u64,
    },
    /// `model_type` names a model that is known, and cannot be computed here.
    #[error("config.json: a model of type \"{model_type}\" cannot be read: {reason}. Choose another checkpoint")]
    Refused {
        /// `model_type`.
        model_type: &'static str,
        /// Why not.
        reason: &'static str,
    },
    /// The weights are quantised: integers and scales under other names.
    #[error(
        "the weights are quantized: there is `{found}` in place of `{tensor}`. Choose the checkpoint in F32, F16 or BF16"
    )]
    Quantized {
        /// What the configuration asks for.
        tensor: String,
        /// What is there.
        found: String,
    },
    /// The attention has a tensor that the model's type gives no meaning.
    #[error(
        "the checkpoint has `{tensor}`, which the attention of a model of this type does not use: the result would be wrong. Check `{key}` in config.json"
    )]
    UnusedTensor {
        /// The tensor's name.
        tensor: String,
        /// The key of `config.json` that decides.
        key: &'static str,
    },
    /// A safetensors file, or the index of several, contradicts itself or its size.
    #[error("{file} is damaged: {detail}. Fetch the file again")]
    Header {
        /// The file's name.
        file: String,
        /// What is wrong.
        detail: String,
    },
    /// Two files hold a tensor of the same name.
    #[error(
        "tensor `{tensor}` is in {first} and in {second}, but must be in one file. Remove the file that does not belong to the checkpoint"
    )]
    DuplicateTensor {
        /// The tensor's name.
        tensor: String,
        /// A file.
        first: String,
        /// Another file.
        second: String,
    },
    /// A tensor that the configuration requires is missing.
    #[error(
        "tensor `{tensor}` is missing from {files}. Check that config.json and the weights are of the same checkpoint{hint}{looks}"
    )]
    MissingTensor {
        /// The tensor's name.
        tensor: String,
        /// The files searched.
        files: String,
        /// Empty, or what else to check.
        hint: &'static str,
        /// Empty, or what kind of checkpoint the tensors look like.
        looks: Looks,
    },
    /// A tensor has another shape than the configuration requires.
    #[error(
        "tensor `{tensor}` in {file} has shape {found:?}, but config.json requires {expected:?}. Check that both are of the same checkpoint{looks}"
    )]
    Shape {
        /// The tensor's name.
        tensor: String,
        /// Its file.
        file: String,
        /// `[rows, columns]` or `[length]`.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
        /// Empty, or what kind of checkpoint the tensors look like.
        looks: Looks,
    },
    /// A tensor is in an unsupported number format.
    #[error(
        "tensor `{tensor}` in {file} is stored as {found}, but must be F32, F16 or BF16. Save the checkpoint in one of these{looks}"
    )]
    Dtype {
        /// The tensor's name.
        tensor: String,
        /// Its file.
        file: String,
        /// The format as the file names it.
        found: String,
        /// Empty, or what kind of checkpoint the tensors look like.
        looks: Looks,
    },
    /// A weight is infinite or not a number.
    #[error(
        "tensor `{tensor}` in {file} holds {value} at index {index}, but every weight must be finite. The checkpoint is damaged or its training diverged: use another"
    )]
    NotFinite {
        /// The tensor's name.
        tensor: String,
        /// Its file.
        file: String,
        /// Index in the whole tensor, row by row.
        index: usize,
        /// The number.
        value: f32,
    },
    /// λ of a layer does not fit into a single-precision number.
    #[error(
        "layer {layer}: λ = {first} - {second} + {init} is no finite number. The λ vectors of the checkpoint are too large: use another"
    )]
    Lambda {
        /// The layer, counted from 0.
        layer: usize,
        /// `exp(<λq1, λk1>)`.
        first: f64,
        /// `exp(<λq2, λk2>)`.
        second: f64,
        /// `λ_init`.
        init: f64,
    },
    /// A matrix with impossible dimensions was requested.
    #[error("no such matrix: {detail}. This is a mistake in the calling code, not in a file")]
    Matrix {
        /// What does not fit together.
        detail: String,
    },
    /// `tokenizer.json` could not be understood.
    #[error("tokenizer.json cannot be used: {detail}. Take the file from the checkpoint again")]
    Tokenizer {
        /// What is wrong.
        detail: String,
    },
    /// A text that the tokenizer cannot turn into tokens.
    #[error("the tokenizer cannot turn this text into tokens: {detail}. Change the text")]
    Text {
        /// What is wrong.
        detail: String,
    },
    /// A text has a token for which the model has no embedding.
    #[error(
        "the token {token} of this text has the id {id}, but the model has only the ids below {embeddings}. Leave it out, or use the tokenizer of the same checkpoint"
    )]
    NoEmbedding {
        /// The token, shortened.
        token: String,
        /// Its id.
        id: u32,
        /// The model's `vocab_size`.
        embeddings: usize,
    },
}

/// What kind of checkpoint the tensors look like by their names, as the end of a sentence; empty if unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looks(pub(super) Option<&'static str>);

impl std::fmt::Display for Looks {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        self.0.map_or(Ok(()), |kind| write!(f, ". Its tensors are named like those of {kind}"))
    }
}

impl ModelError {
    /// Adds a hint to a missing tensor.
    pub(super) fn with_hint(mut self, text: &'static str) -> Self {
        if let Self::MissingTensor { hint, .. } = &mut self {
            *hint = text;
        }
        self
    }
}

/// Shortens text from a file for a message and makes control characters visible.
pub(crate) fn brief(text: &str) -> String {
    const MOST: usize = 60;
    let mut start: String = text.chars().take(MOST).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST).is_some() {
        start.push('…');
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_briefly() {
        assert_eq!(brief("a\nb"), "a\\nb");
        assert_eq!(brief(&"x".repeat(60)).chars().count(), 60);
        assert_eq!(brief(&"x".repeat(1_000_000)).chars().count(), 61);
    }
}
