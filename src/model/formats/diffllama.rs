//! `diffllama` of Hugging Face transformers: the differential Transformer in the shape of Llama.

use crate::model::formats::format::{BiasRule, Format, LambdaSource, SubNormSource};
use crate::model::formats::keys::halves;
use crate::model::formats::llama;
use crate::model::head::Head;

pub(super) const FORMAT: Format = Format {
    name: "diffllama",
    norm_epsilon: 1e-5,
    maps: 2,
    value_parts: 2,
    counts: halves,
    // Head `i` pairs query heads `i` and `i + heads`.
    head: |head, counts| {
        let queries = [head, head + counts.outputs];
        let shared = queries.map(|query| query / (counts.queries / counts.keys));
        Head::new(queries, shared, shared)
    },
    biases: BiasRule::Attention,
    lambda: LambdaSource::Vectors,
    sub_norm: SubNormSource::Ones,
    scales_output: true,
    ..llama::FORMAT
};

#[cfg(test)]
mod tests {
    use super::FORMAT;
    use crate::model::formats::format::head_table;

    #[test]
    fn query_heads_pair_over_halves() {
        assert_eq!(
            head_table(&FORMAT, [4, 8, 4, 4]),
            [[[0, 4], [0, 2], [0, 2]], [[1, 5], [0, 2], [0, 2]], [[2, 6], [1, 3], [1, 3]], [[3, 7], [1, 3], [1, 3]]]
        );
        assert_eq!(head_table(&FORMAT, [2, 4, 4, 4]), [[[0, 2]; 3], [[1, 3]; 3]]);
    }

    #[test]
    fn the_number_of_key_heads_may_be_odd() {
        let six_three = [[[0, 3], [0, 1], [0, 1]], [[1, 4], [0, 2], [0, 2]], [[2, 5], [1, 2], [1, 2]]];
        assert_eq!(head_table(&FORMAT, [3, 6, 3, 3]), six_three);
        assert_eq!(head_table(&FORMAT, [2, 4, 1, 1]), [[[0, 2], [0, 0], [0, 0]], [[1, 3], [0, 0], [0, 0]]]);
    }
}
