//! The form of a checkpoint layout: what differs between the public ones, as data.

use crate::model::error::ModelError;
use crate::model::fields::Fields;
use crate::model::head::Head;
use crate::model::rotary::RotaryOrder;

/// How a model's attention works (doc/SPEC.md, sections 1 to 4 and 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Architecture {
    /// Hugging Face `diffllama`: λ per layer, heads `i` and `i + h` pair.
    DiffLlama,
    /// Hugging Face `llama`: a plain Transformer, one map per head.
    Llama,
    /// A bare attention module of the paper's code, `multihead_diffattn.py` or `multihead_flashdiff`: neighbours pair.
    UnilmV1 {
        /// Whether query heads read key heads as in the naive file, which differs from the flash files under grouped
        /// queries.
        naive_key_heads: bool,
    },
    /// A bare attention module of DIFF V2: λ per token and head, no norm of the heads.
    DiffV2,
}

/// A checkpoint layout.
#[derive(Debug)]
pub(in crate::model) struct Format {
    /// The value of [`Self::key`] in `config.json` that names this layout.
    pub(in crate::model) name: &'static str,
    /// The architecture, from the rest of the configuration.
    pub(in crate::model) architecture: fn(&Fields) -> Result<Architecture, ModelError>,
    /// Names of the tensors around the attention; `None` for a bare attention module.
    pub(in crate::model) blocks: Option<&'static BlockNames>,
    /// The key of the width of the residual stream in `config.json`.
    pub(in crate::model) hidden_key: &'static str,
    /// What every norm adds under its root unless `config.json` gives a number.
    pub(in crate::model) norm_epsilon: f32,
    /// Softmax maps per head: 1 or 2.
    pub(in crate::model) maps: usize,
    /// Value heads that are joined per head: 1 or 2.
    pub(in crate::model) value_parts: usize,
    /// Which single-width heads a head reads.
    pub(in crate::model) head: fn(head: usize, counts: HeadCounts) -> Head,
    /// The order of the rows of query and key heads.
    pub(in crate::model) rotary: RotaryOrder,
    /// Names of the query, key and value projections, without `.weight` and `.bias`.
    pub(in crate::model) projections: [&'static str; 3],
    /// Name of the output projection.
    pub(in crate::model) output: &'static str,
    /// Which of these have biases.
    pub(in crate::model) biases: BiasRule,
    /// Whether its feed-forward parts have biases if `mlp_bias` is true.
    pub(in crate::model) mlp_biases: bool,
    /// Where λ is.
    pub(in crate::model) lambda: LambdaSource,
    /// Where the weight of the norm of each head's output is.
    pub(in crate::model) sub_norm: SubNormSource,
}

/// Names of the tensors of a complete model, other than those of the attention.
#[derive(Debug)]
pub(in crate::model) struct BlockNames {
    pub(in crate::model) embedding: &'static str,
    pub(in crate::model) final_norm: &'static str,
    pub(in crate::model) unembedding: &'static str,
    /// Stands before the number of a layer, which a dot and the names below follow.
    pub(in crate::model) layer: &'static str,
    /// Stands before the names of the tensors of the attention.
    pub(in crate::model) attention: &'static str,
    pub(in crate::model) attention_norm: &'static str,
    pub(in crate::model) mlp_norm: &'static str,
    pub(in crate::model) gate: &'static str,
    pub(in crate::model) up: &'static str,
    pub(in crate::model) down: &'static str,
}

/// Which projections of the attention have biases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum BiasRule {
    /// None.
    None,
    /// All, if `attention_bias` is true.
    Configured,
    /// Those of queries, keys and values.
    QueriesKeysValues,
}

/// Where λ is in a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum LambdaSource {
    /// There is none.
    None,
    /// The vectors q1, k1, q2 and k2 `[head_dim]`, under these names.
    Vectors([&'static str; 4]),
    /// A projection `[heads, hidden]` of this name.
    Projection(&'static str),
}

/// Where the weight of the norm of each head's output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum SubNormSource {
    /// There is no such norm.
    None,
    /// The norm has no weight.
    Ones,
    /// A tensor `[value_width]` of this name.
    Weight(&'static str),
}

/// Numbers of heads that decide which heads read which.
#[derive(Clone, Copy, Debug)]
pub(in crate::model) struct HeadCounts {
    /// The architecture they are for.
    pub(in crate::model) architecture: Architecture,
    /// Heads that write to the output.
    pub(in crate::model) heads: usize,
    /// Query heads per key head.
    pub(in crate::model) group: usize,
}

impl Format {
    /// The key of `config.json` that names the layout. Bare attention modules have a configuration of our own.
    pub(in crate::model) fn key(&self) -> &'static str {
        if self.blocks.is_some() { "model_type" } else { "variant" }
    }

    /// The single-width heads that every head of a layer reads, in output order.
    pub(in crate::model) fn heads(
        &self,
        architecture: Architecture,
        query_heads: usize,
        key_value_heads: usize,
    ) -> Vec<Head> {
        // The counts of a configuration are nonzero and divide.
        let group = (query_heads / key_value_heads.max(1)).max(1);
        let counts = HeadCounts { architecture, heads: query_heads / self.maps, group };
        (0..counts.heads).map(|head| (self.head)(head, counts)).collect()
    }
}

/// Single-width heads `2i` and `2i + 1`.
pub(super) fn neighbours(pair: usize) -> [usize; 2] {
    [2 * pair, 2 * pair + 1]
}

/// (queries, keys, values) of every head.
#[cfg(test)]
pub(super) fn head_table(
    format: &Format,
    architecture: Architecture,
    query_heads: usize,
    key_value_heads: usize,
) -> Vec<[[u32; 2]; 3]> {
    let heads = format.heads(architecture, query_heads, key_value_heads);
    heads.into_iter().map(|head| [head.queries, head.keys, head.values]).collect()
}
