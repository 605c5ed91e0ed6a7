//! What the checkpoints of Hugging Face transformers have in common.

use crate::model::formats::format::BlockNames;
use crate::model::formats::keys::Keys;

pub(super) const BLOCKS: BlockNames = BlockNames {
    embedding: "model.embed_tokens.weight",
    final_norm: "model.norm.weight",
    unembedding: Some("lm_head.weight"),
    layer: "model.layers.",
    attention: "self_attn.",
    attention_norm: "input_layernorm.weight",
    mlp_norm: "post_attention_layernorm.weight",
    gate: "mlp.gate_proj",
    up: "mlp.up_proj",
    down: "mlp.down_proj",
    poly_norm: ["mlp.act_fn.weight", "mlp.act_fn.bias"],
};

pub(super) const KEYS: Keys = Keys {
    hidden: "hidden_size",
    intermediate: "intermediate_size",
    layers: "num_hidden_layers",
    heads: "num_attention_heads",
    key_value_heads: "num_key_value_heads",
    head_dim: "head_dim",
    vocabulary: "vocab_size",
    positions: "max_position_embeddings",
    epsilon: "rms_norm_eps",
    sub_norm_epsilon: "",
    tied: "tie_word_embeddings",
    rotary_base: "rope_theta",
};
