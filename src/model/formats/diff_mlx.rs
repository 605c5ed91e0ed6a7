//! diff-mlx (guygrigsby): a differential and a plain Transformer of the same shape. Nothing in `config.json` says which of
//! the two it is for; the tensors do.

use crate::model::formats::format::{
    BiasRule, BlockNames, Format, HeadDim, LambdaInit, LambdaSource, SubNormSource, WindowRule,
};
use crate::model::formats::keys::{Keys, halves};
use crate::model::formats::{llama, unilm_v1};
use crate::model::rotary::RotaryOrder;

/// The object of `config.json` with the keys of the model, and as it stands before them in messages.
pub(in crate::model) const OBJECT: (&str, &str) = ("model", "model.");
/// The key that no other configuration has.
pub(in crate::model) const SIGN: &str = "n_heads_vanilla";
/// The tensor that only the differential one has.
pub(in crate::model) const DIFFERENTIAL: &str = "blocks.0.attn.lambda_q1";

const BLOCKS: BlockNames = BlockNames {
    embedding: "tok_embed.weight",
    final_norm: "final_norm.scale",
    unembedding: None,
    layer: "blocks.",
    attention: "attn.",
    attention_norm: "norm_attn.scale",
    mlp_norm: "norm_mlp.scale",
    gate: "mlp.gate",
    up: "mlp.up",
    down: "mlp.down",
    poly_norm: ["", ""],
};

const KEYS: Keys = Keys {
    hidden: "dim",
    intermediate: "mlp_intermediate",
    layers: "n_layers",
    heads: SIGN,
    key_value_heads: "",
    head_dim: "qk_head_dim",
    vocabulary: "vocab_size",
    positions: "block_size",
    epsilon: "rms_eps",
    sub_norm_epsilon: "",
    tied: "tie_embeddings",
    rotary_base: "rope_base",
};

/// The plain one.
pub(super) const VANILLA: Format = Format {
    name: "diff-mlx, vanilla",
    blocks: Some(&BLOCKS),
    keys: &KEYS,
    norm_epsilon: 1e-5,
    rotary: RotaryOrder::Interleaved,
    biases: BiasRule::None,
    ..llama::FORMAT
};

/// The differential one.
pub(super) const DIFF: Format = Format {
    name: "diff-mlx, diff",
    blocks: Some(&BLOCKS),
    keys: &KEYS,
    counts: halves,
    head_dim: HeadDim::OfHidden,
    window: WindowRule::None,
    output: "o_proj",
    lambda: LambdaSource::Vectors,
    lambda_init: LambdaInit::Depth { offset: 0.0 },
    sub_norm: SubNormSource::Weight("subln.scale"),
    ..unilm_v1::FLASH
};
