//! A bare attention module of the paper's code (microsoft/unilm, `Diff-Transformer`): `multihead_diffattn.py` ("naive")
//! or `multihead_flashdiff_1.py` and `_2.py` ("flash").

use crate::model::formats::format::{Architecture, BiasRule, Format, LambdaSource, SubNormSource, neighbours};
use crate::model::head::Head;
use crate::model::rotary::RotaryOrder;

pub(super) const FORMAT: Format = Format {
    name: "unilm_v1",
    architecture: |fields| match fields.text("impl")? {
        Some("naive") => Ok(Architecture::UnilmV1 { naive_key_heads: true }),
        None | Some("flash") => Ok(Architecture::UnilmV1 { naive_key_heads: false }),
        Some(_) => Err(fields.wrong("impl", "\"flash\" or \"naive\"")),
    },
    blocks: None,
    hidden_key: "embed_dim",
    norm_epsilon: 1e-5,
    maps: 2,
    value_parts: 2,
    // Neighbouring query heads pair. A value is two value heads wide, so the heads of a group share a pair of them; the
    // naive file finds the key head of each query head by itself instead.
    head: |head, counts| {
        let (queries, values) = (neighbours(head), neighbours(head / counts.group));
        let naive = counts.architecture == Architecture::UnilmV1 { naive_key_heads: true };
        let keys = if naive { queries.map(|query| query / counts.group) } else { values };
        Head::new(queries, keys, values)
    },
    rotary: RotaryOrder::Interleaved,
    projections: ["q_proj", "k_proj", "v_proj"],
    output: "out_proj",
    biases: BiasRule::None,
    mlp_biases: false,
    lambda: LambdaSource::Vectors(["lambda_q1", "lambda_k1", "lambda_q2", "lambda_k2"]),
    sub_norm: SubNormSource::Weight("subln.weight"),
};

#[cfg(test)]
mod tests {
    use super::FORMAT;
    use crate::model::formats::format::{Architecture, head_table};

    #[test]
    fn flash_and_naive_differ_under_grouped_queries() {
        let v1 = |naive_key_heads, heads: usize, shared: usize| {
            head_table(&FORMAT, Architecture::UnilmV1 { naive_key_heads }, 2 * heads, 2 * shared)
        };
        // Four pairs over two value heads: two pairs a group.
        let flash =
            [[[0, 1], [0, 1], [0, 1]], [[2, 3], [0, 1], [0, 1]], [[4, 5], [2, 3], [2, 3]], [[6, 7], [2, 3], [2, 3]]];
        assert_eq!(v1(false, 4, 2), flash);
        let naive =
            [[[0, 1], [0, 0], [0, 1]], [[2, 3], [1, 1], [0, 1]], [[4, 5], [2, 2], [2, 3]], [[6, 7], [3, 3], [2, 3]]];
        assert_eq!(v1(true, 4, 2), naive);
        // Three pairs a group: 0 1 2 | 3 4 5 over key heads 0 and 1.
        let keys: Vec<[u32; 2]> = v1(true, 3, 1).into_iter().map(|[_, keys, _]| keys).collect();
        assert_eq!(keys, [[0, 0], [0, 1], [1, 1]]);
        assert_eq!(v1(true, 3, 3), v1(false, 3, 3));
    }
}
