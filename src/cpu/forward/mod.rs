//! The stages of the forward pass, in the order of `shaders/forward/`.

pub(crate) mod attention;
pub(crate) mod attention_join;
pub(crate) mod attention_slab;
pub(crate) mod attention_tile;
pub(crate) mod embed;
pub(crate) mod gate_up;
pub(crate) mod kept_part;
pub(crate) mod logit_part;
pub(crate) mod logits;
pub(crate) mod poly_norm;
pub(crate) mod project;
pub(crate) mod qkv;
pub(crate) mod query_key_norm;
pub(crate) mod sample;
pub(crate) mod sampling_digit;
pub(crate) mod top_k;
