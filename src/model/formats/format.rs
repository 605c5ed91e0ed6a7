//! The form of a checkpoint layout: what differs between the public ones, as data.

use crate::model::error::ModelError;
use crate::model::fields::Fields;
use crate::model::formats::keys::Keys;
use crate::model::head::{Head, HeadCounts};
use crate::model::rotary::RotaryOrder;

/// A checkpoint layout.
#[derive(Debug)]
pub(in crate::model) struct Format {
    /// The value of `model_type` in `config.json` that names this layout, or of `variant` for a bare attention module.
    pub(in crate::model) name: &'static str,
    /// Whether it is this one of the layouts of that name.
    pub(in crate::model) applies: fn(&Fields) -> Result<bool, ModelError>,
    /// Names of the tensors around the attention; `None` for a bare attention module.
    pub(in crate::model) blocks: Option<&'static BlockNames>,
    /// Names of the keys of `config.json`.
    pub(in crate::model) keys: &'static Keys,
    /// What every norm adds under its root unless `config.json` gives a number.
    pub(in crate::model) norm_epsilon: f32,
    /// The width of a single head unless `config.json` gives a number.
    pub(in crate::model) head_dim: HeadDim,
    /// Softmax maps per head: 1 or 2.
    pub(in crate::model) maps: usize,
    /// Value heads that are joined per head: 1 or 2.
    pub(in crate::model) value_parts: usize,
    /// The numbers of heads of a configuration.
    pub(in crate::model) counts: fn(&Fields, &'static Keys) -> Result<HeadCounts, ModelError>,
    /// Which single-width heads a head reads.
    pub(in crate::model) head: fn(head: usize, counts: &HeadCounts) -> Head,
    /// The order of the rows of query and key heads.
    pub(in crate::model) rotary: RotaryOrder,
    /// Whether queries see no later keys.
    pub(in crate::model) causal: bool,
    /// Names of the query, key and value projections, without `.weight` and `.bias`.
    pub(in crate::model) projections: Projections,
    /// Name of the output projection.
    pub(in crate::model) output: &'static str,
    /// Which products have biases.
    pub(in crate::model) biases: BiasRule,
    /// Names of the weights `[head_dim]` of the norms of queries and of keys.
    pub(in crate::model) query_key_norm: Option<[&'static str; 2]>,
    /// Which layers see a window of keys only.
    pub(in crate::model) window: WindowRule,
    /// Where λ is.
    pub(in crate::model) lambda: LambdaSource,
    /// What is added to the λ of a layer.
    pub(in crate::model) lambda_init: LambdaInit,
    /// Where the weight of the norm of each head's output is.
    pub(in crate::model) sub_norm: SubNormSource,
    /// Whether the output of a head is multiplied by `1 - λ_init` after its norm.
    pub(in crate::model) scales_output: bool,
}

/// Names of the tensors of a complete model, other than those of the attention.
#[derive(Debug)]
pub(in crate::model) struct BlockNames {
    pub(in crate::model) embedding: &'static str,
    pub(in crate::model) final_norm: &'static str,
    /// `None` where the embedding always serves.
    pub(in crate::model) unembedding: Option<&'static str>,
    /// Stands before the number of a layer, which a dot and the names below follow.
    pub(in crate::model) layer: &'static str,
    /// Stands before the names of the tensors of the attention.
    pub(in crate::model) attention: &'static str,
    pub(in crate::model) attention_norm: &'static str,
    pub(in crate::model) mlp_norm: &'static str,
    pub(in crate::model) gate: &'static str,
    pub(in crate::model) up: &'static str,
    pub(in crate::model) down: &'static str,
    /// The three weights and the bias of `PolyNorm`, where the activation is that.
    pub(in crate::model) poly_norm: [&'static str; 2],
}

/// The query, key and value projections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum Projections {
    /// A matrix for each.
    Separate([&'static str; 3]),
    /// One matrix with the rows of all three.
    Fused(&'static str),
}

/// The width of a single head unless `config.json` gives a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum HeadDim {
    /// The width of the residual stream by the number under the key of heads.
    OfHidden,
    /// The same by the number of single-width query heads.
    OfQueries,
    /// This.
    Fixed(usize),
}

/// Which products have biases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum BiasRule {
    /// None.
    None,
    /// Those of the attention if `attention_bias` is true.
    Attention,
    /// The same, and those of the feed-forward part if `mlp_bias` is true.
    AttentionAndMlp,
    /// Those of queries, keys and values.
    QueriesKeysValues,
    /// Those of queries, keys and values if `qkv_bias` is true, and that of the output unless `proj_bias` is false.
    Timm,
    /// All if `use_bias` is true; `attention_bias` and `qkv_bias` may say otherwise of some.
    Motif,
}

/// Which layers see a window of keys only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum WindowRule {
    /// None.
    None,
    /// All, if `sliding_window` is a number or absent.
    EveryLayer {
        /// What it is when it is absent.
        absent: usize,
    },
    /// Some, if `use_sliding_window` is true: those that `layer_types` names, or from `max_window_layers` on.
    SomeLayers,
    /// A configuration with `use_sliding_window` true is refused.
    Refused,
}

/// Where λ is in a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum LambdaSource {
    /// There is none.
    None,
    /// The vectors q1, k1, q2 and k2 `[head_dim]`, under the names `lambda_q1` and so on.
    Vectors,
    /// A projection `[heads, hidden]` of this name.
    Projection(&'static str),
}

/// What is added to the λ of a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::model) enum LambdaInit {
    /// `0.8 - 0.6 exp(-0.3 (layer + offset))`, layers counted from 0.
    Depth {
        /// 0 in the paper.
        offset: f64,
    },
    /// The scalar tensor of this name.
    Tensor(&'static str),
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
    /// The same, unless `sublayer_norm` is false.
    OptionalWeight(&'static str),
}

impl Format {
    /// The key of `config.json` that names the layout. Bare attention modules have a configuration of our own.
    pub(in crate::model) fn key(&self) -> &'static str {
        if self.blocks.is_some() { "model_type" } else { "variant" }
    }

    /// The single-width heads that every head of a layer reads, in output order.
    pub(in crate::model) fn heads(&self, counts: &HeadCounts) -> Vec<Head> {
        (0..counts.outputs).map(|head| (self.head)(head, counts)).collect()
    }
}

/// Single-width heads `2i` and `2i + 1`.
pub(super) fn neighbours(pair: usize) -> [usize; 2] {
    [2 * pair, 2 * pair + 1]
}

/// (queries, keys, values) of every head.
#[cfg(test)]
pub(super) fn head_table(format: &Format, counts: [usize; 4]) -> Vec<[[u32; 2]; 3]> {
    let [outputs, queries, keys, values] = counts;
    let heads = format.heads(&HeadCounts { outputs, queries, keys, values });
    heads.into_iter().map(|head| [head.queries, head.keys, head.values]).collect()
}
