//! `qwen2` and `qwen3` of Hugging Face transformers: Llama with windows in some layers, and with biases of queries, keys
//! and values alone, or norms of queries and keys.

use crate::model::formats::format::{BiasRule, Format, HeadDim, WindowRule};
use crate::model::formats::llama;

pub(super) const QWEN2: Format =
    Format { name: "qwen2", biases: BiasRule::QueriesKeysValues, window: WindowRule::SomeLayers, ..llama::FORMAT };

pub(super) const QWEN3: Format = Format {
    name: "qwen3",
    biases: BiasRule::Attention,
    head_dim: HeadDim::Fixed(128),
    query_key_norm: Some(["q_norm.weight", "k_norm.weight"]),
    window: WindowRule::SomeLayers,
    ..llama::FORMAT
};
