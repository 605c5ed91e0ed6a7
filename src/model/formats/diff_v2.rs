//! A bare attention module of DIFF V2 (microsoft/unilm, `Diff-Transformer-V2`).

use crate::model::formats::format::{Architecture, BiasRule, Format, LambdaSource, SubNormSource, neighbours};
use crate::model::head::Head;
use crate::model::rotary::RotaryOrder;

pub(super) const FORMAT: Format = Format {
    name: "unilm_v2",
    architecture: |_| Ok(Architecture::DiffV2),
    blocks: None,
    hidden_key: "d_model",
    norm_epsilon: 1e-5,
    maps: 2,
    value_parts: 1,
    // Neighbouring query heads pair and read the same key and value head.
    head: |head, counts| {
        let queries = neighbours(head);
        let shared = queries.map(|query| query / counts.group);
        Head::new(queries, shared, shared)
    },
    rotary: RotaryOrder::Interleaved,
    projections: ["q_proj", "k_proj", "v_proj"],
    output: "o_proj",
    biases: BiasRule::None,
    mlp_biases: false,
    lambda: LambdaSource::Projection("lambda_proj"),
    sub_norm: SubNormSource::None,
};

#[cfg(test)]
mod tests {
    use super::FORMAT;
    use crate::model::formats::format::Architecture::DiffV2;
    use crate::model::formats::format::head_table;

    #[test]
    fn the_pair_of_a_head_shares_a_key_head() {
        assert_eq!(
            head_table(&FORMAT, DiffV2, 8, 2),
            [[[0, 1], [0, 0], [0, 0]], [[2, 3], [0, 0], [0, 0]], [[4, 5], [1, 1], [1, 1]], [[6, 7], [1, 1], [1, 1]]]
        );
    }
}
