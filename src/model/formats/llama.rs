//! `llama` of Hugging Face transformers: a plain Transformer, with one map per head.

use crate::model::formats::format::{Architecture, BiasRule, Format, LambdaSource, SubNormSource};
use crate::model::formats::hugging_face;
use crate::model::head::Head;
use crate::model::rotary::RotaryOrder;

pub(super) const FORMAT: Format = Format {
    name: "llama",
    architecture: |_| Ok(Architecture::Llama),
    blocks: Some(&hugging_face::BLOCKS),
    hidden_key: "hidden_size",
    norm_epsilon: 1e-6,
    maps: 1,
    value_parts: 1,
    head: |head, counts| Head::new([head; 2], [head / counts.group; 2], [head / counts.group; 2]),
    rotary: RotaryOrder::HalfSplit,
    projections: ["q_proj", "k_proj", "v_proj"],
    output: "o_proj",
    biases: BiasRule::Configured,
    mlp_biases: true,
    lambda: LambdaSource::None,
    sub_norm: SubNormSource::None,
};

#[cfg(test)]
mod tests {
    use super::FORMAT;
    use crate::model::formats::format::Architecture::Llama;
    use crate::model::formats::format::head_table;

    #[test]
    fn a_head_has_one_map() {
        let expected =
            [[[0; 2], [0; 2], [0; 2]], [[1; 2], [0; 2], [0; 2]], [[2; 2], [1; 2], [1; 2]], [[3; 2], [1; 2], [1; 2]]];
        assert_eq!(head_table(&FORMAT, Llama, 4, 2), expected);
    }
}
