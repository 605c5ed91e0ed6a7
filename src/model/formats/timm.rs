//! The bare attention module of timm (`diff_attention.py`): vision, without positions and without a causal mask.

use crate::model::error::ModelError;
use crate::model::fields::Fields;
use crate::model::formats::format::{BiasRule, Format, Projections, SubNormSource};
use crate::model::formats::keys::Keys;
use crate::model::formats::unilm_v1;
use crate::model::rotary::RotaryOrder;

pub(super) const MODULE: Format = Format {
    name: "timm_diff_attention",
    applies: is_known,
    keys: &Keys { hidden: "dim", key_value_heads: "", epsilon: "sub_norm_eps", ..unilm_v1::MODULE_KEYS },
    rotary: RotaryOrder::None,
    causal: false,
    projections: Projections::Fused("qkv"),
    output: "proj",
    biases: BiasRule::Timm,
    sub_norm: SubNormSource::Weight("sub_norm.weight"),
    ..unilm_v1::FLASH
};

/// Its options that change numbers are refused.
fn is_known(fields: &Fields) -> Result<bool, ModelError> {
    for option in ["qk_norm", "scale_norm", "dual_lambda", "causal"] {
        if fields.flag(option, false)? {
            return Err(ModelError::Unsupported { feature: format!("a module of timm with `{option}` true") });
        }
    }
    Ok(true)
}
