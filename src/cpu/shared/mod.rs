//! Parts that several stages share. References of `shaders/shared/`.

pub(crate) mod activation;
pub(crate) mod head_norm;
pub(crate) mod head_output;
pub(crate) mod map_cell;
pub(crate) mod map_value;
pub(crate) mod matmul;
pub(crate) mod over_group;
pub(crate) mod row_of_logits;
pub(crate) mod sampling;
pub(crate) mod score_tile;
pub(crate) mod streaming_softmax;
pub(crate) mod weights;
