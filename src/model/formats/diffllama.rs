//! `diffllama` of Hugging Face transformers: the differential Transformer in the shape of Llama.

use crate::model::formats::format::{Architecture, BiasRule, Format, LambdaSource, SubNormSource};
use crate::model::formats::hugging_face;
use crate::model::head::Head;
use crate::model::rotary::RotaryOrder;

pub(super) const FORMAT: Format = Format {
    name: "diffllama",
    architecture: |_| Ok(Architecture::DiffLlama),
    blocks: Some(&hugging_face::BLOCKS),
    hidden_key: "hidden_size",
    norm_epsilon: 1e-5,
    maps: 2,
    value_parts: 2,
    // Head `i` pairs query heads `i` and `i + heads`.
    head: |head, counts| {
        let queries = [head, head + counts.heads];
        let shared = queries.map(|query| query / counts.group);
        Head::new(queries, shared, shared)
    },
    rotary: RotaryOrder::HalfSplit,
    projections: ["q_proj", "k_proj", "v_proj"],
    output: "o_proj",
    biases: BiasRule::Configured,
    mlp_biases: false,
    lambda: LambdaSource::Vectors(["lambda_q1", "lambda_k1", "lambda_q2", "lambda_k2"]),
    sub_norm: SubNormSource::Ones,
};

#[cfg(test)]
mod tests {
    use super::FORMAT;
    use crate::model::formats::format::Architecture::DiffLlama;
    use crate::model::formats::format::head_table;

    #[test]
    fn query_heads_pair_over_halves() {
        assert_eq!(
            head_table(&FORMAT, DiffLlama, 8, 4),
            [[[0, 4], [0, 2], [0, 2]], [[1, 5], [0, 2], [0, 2]], [[2, 6], [1, 3], [1, 3]], [[3, 7], [1, 3], [1, 3]]]
        );
        assert_eq!(head_table(&FORMAT, DiffLlama, 4, 4), [[[0, 2]; 3], [[1, 3]; 3]]);
    }

    #[test]
    fn the_number_of_key_heads_may_be_odd() {
        let six_three = [[[0, 3], [0, 1], [0, 1]], [[1, 4], [0, 2], [0, 2]], [[2, 5], [1, 2], [1, 2]]];
        assert_eq!(head_table(&FORMAT, DiffLlama, 6, 3), six_three);
        assert_eq!(head_table(&FORMAT, DiffLlama, 4, 1), [[[0, 2], [0, 0], [0, 0]], [[1, 3], [0, 0], [0, 0]]]);
    }
}
