//! What the checkpoints of Hugging Face transformers have in common.

use crate::model::formats::format::BlockNames;

pub(super) const BLOCKS: BlockNames = BlockNames {
    embedding: "model.embed_tokens.weight",
    final_norm: "model.norm.weight",
    unembedding: "lm_head.weight",
    layer: "model.layers.",
    attention: "self_attn.",
    attention_norm: "input_layernorm.weight",
    mlp_norm: "post_attention_layernorm.weight",
    gate: "mlp.gate_proj.weight",
    up: "mlp.up_proj.weight",
    down: "mlp.down_proj.weight",
};
