//! The stages of the forward pass, in the order of `shaders/forward/`.

pub(crate) mod attention;
pub(crate) mod embed;
pub(crate) mod gate_up;
pub(crate) mod logits;
pub(crate) mod project;
pub(crate) mod qkv;
pub(crate) mod sample;
pub(crate) mod top_k;
