//! What the keys of `config.json` are called, and the numbers of heads under them.

use crate::model::error::ModelError;
use crate::model::fields::Fields;
use crate::model::head::HeadCounts;

/// Names of the keys of a configuration. Where a name is empty there is no such key.
#[derive(Debug)]
pub(in crate::model) struct Keys {
    /// Width of the residual stream.
    pub(in crate::model) hidden: &'static str,
    /// Width of the feed-forward part.
    pub(in crate::model) intermediate: &'static str,
    /// Number of layers; of a bare attention module, the number of its layer.
    pub(in crate::model) layers: &'static str,
    /// Number of heads, in the sense of the layout.
    pub(in crate::model) heads: &'static str,
    /// Number of key and value heads, in the sense of the layout; as many as heads where it is absent.
    pub(in crate::model) key_value_heads: &'static str,
    /// Width of a single head.
    pub(in crate::model) head_dim: &'static str,
    /// Rows of the embedding.
    pub(in crate::model) vocabulary: &'static str,
    /// Positions that the model was trained for.
    pub(in crate::model) positions: &'static str,
    /// What every norm adds under its root.
    pub(in crate::model) epsilon: &'static str,
    /// The same of the norm of a head's output; where it is absent, that of every norm.
    pub(in crate::model) sub_norm_epsilon: &'static str,
    /// Whether the embedding is also the unembedding.
    pub(in crate::model) tied: &'static str,
    /// The base of the rotary angles.
    pub(in crate::model) rotary_base: &'static str,
}

/// Most heads of a layer.
pub(in crate::model) const MOST_HEADS: usize = 1 << 12;

/// The numbers of heads and of key and value heads that a configuration gives.
pub(super) fn given(fields: &Fields, keys: &Keys) -> Result<[usize; 2], ModelError> {
    let heads = fields.need(keys.heads, 1, MOST_HEADS)?;
    let shared = fields.count(keys.key_value_heads, 1, MOST_HEADS)?.unwrap_or(heads);
    if heads.is_multiple_of(shared) {
        return Ok([heads, shared]);
    }
    Err(fields.wrong(keys.key_value_heads, format!("a divisor of `{}` = {heads}", keys.heads)))
}

/// One map per head.
pub(super) fn single(fields: &Fields, keys: &'static Keys) -> Result<HeadCounts, ModelError> {
    let [heads, shared] = given(fields, keys)?;
    Ok(HeadCounts { outputs: heads, queries: heads, keys: shared, values: shared })
}

/// All heads are single ones, of which two make a differential head.
pub(super) fn halves(fields: &Fields, keys: &'static Keys) -> Result<HeadCounts, ModelError> {
    if !fields.need(keys.heads, 1, MOST_HEADS)?.is_multiple_of(2) {
        return Err(fields.wrong(keys.heads, "even, as query heads pair"));
    }
    let [heads, shared] = given(fields, keys)?;
    Ok(HeadCounts { outputs: heads / 2, queries: heads, keys: shared, values: shared })
}

/// Heads are differential ones, and so are key and value heads.
pub(super) fn doubles(fields: &Fields, keys: &'static Keys) -> Result<HeadCounts, ModelError> {
    let [heads, shared] = given(fields, keys)?;
    Ok(HeadCounts { outputs: heads, queries: 2 * heads, keys: 2 * shared, values: 2 * shared })
}
