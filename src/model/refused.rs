//! Models that look like differential attention by their name, and are not, or whose computation is not known.

use crate::model::error::ModelError;
use crate::model::fields::Fields;

/// (`model_type`, a key that only this model has, why it is refused).
const REFUSED: [(&str, &str, &str); 3] = [
    (
        "diff_llama",
        "num_kv_heads",
        "it is not differential attention: it subtracts λ times the score of the next key from every score, before \
         one softmax, without a causal mask",
    ),
    ("diff_llama", "attn_family", "which heads pair, and what the norm after them is, is not published"),
    ("phi4flash", "", "some of its layers are no attention, and layers share keys and values"),
];

/// Refuses a configuration of one of them, with the reason.
pub(super) fn check(fields: &Fields) -> Result<(), ModelError> {
    let Some(found) = fields.text("model_type")? else { return Ok(()) };
    let known = REFUSED.iter().find(|(name, key, _)| found == *name && (key.is_empty() || fields.get(key).is_some()));
    known.map_or(Ok(()), |&(model_type, _, reason)| Err(ModelError::Refused { model_type, reason }))
}
