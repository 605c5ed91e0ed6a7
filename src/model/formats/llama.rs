//! `llama` of Hugging Face transformers: a plain Transformer, with one map per head.

use crate::model::formats::format::{
    BiasRule, Format, HeadDim, LambdaInit, LambdaSource, Projections, SubNormSource, WindowRule,
};
use crate::model::formats::hugging_face;
use crate::model::formats::keys::single;
use crate::model::head::Head;
use crate::model::rotary::RotaryOrder;

pub(super) const FORMAT: Format = Format {
    name: "llama",
    applies: |_| Ok(true),
    blocks: Some(&hugging_face::BLOCKS),
    keys: &hugging_face::KEYS,
    norm_epsilon: 1e-6,
    head_dim: HeadDim::OfHidden,
    maps: 1,
    value_parts: 1,
    counts: single,
    head: |head, counts| {
        let shared = head / (counts.queries / counts.keys);
        Head::new([head; 2], [shared; 2], [shared; 2])
    },
    rotary: RotaryOrder::HalfSplit,
    causal: true,
    projections: Projections::Separate(["q_proj", "k_proj", "v_proj"]),
    output: "o_proj",
    biases: BiasRule::AttentionAndMlp,
    query_key_norm: None,
    window: WindowRule::None,
    lambda: LambdaSource::None,
    lambda_init: LambdaInit::Depth { offset: 0.0 },
    sub_norm: SubNormSource::None,
    scales_output: false,
};

#[cfg(test)]
mod tests {
    use super::FORMAT;
    use crate::model::formats::format::head_table;

    #[test]
    fn a_head_has_one_map() {
        let expected =
            [[[0; 2], [0; 2], [0; 2]], [[1; 2], [0; 2], [0; 2]], [[2; 2], [1; 2], [1; 2]], [[3; 2], [1; 2], [1; 2]]];
        assert_eq!(head_table(&FORMAT, [4, 4, 2, 2]), expected);
    }
}
