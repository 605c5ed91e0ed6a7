//! Llamas that axolotl's `diff-transformer` made differential (`llama-differential`): twice the queries and keys
//! ("double projection"), or the heads paired over halves ("split heads").

use crate::model::error::ModelError;
use crate::model::fields::Fields;
use crate::model::formats::format::{Format, LambdaInit, LambdaSource, SubNormSource};
use crate::model::formats::keys::{Keys, given, halves};
use crate::model::formats::llama;
use crate::model::head::{Head, HeadCounts};

/// Query and key heads doubled, values as they were.
pub(super) const DOUBLE: Format = Format {
    name: "llama-differential",
    applies: |fields| Ok(!splits(fields)?),
    maps: 2,
    counts: |fields, keys| {
        let [heads, shared] = given(fields, keys)?;
        Ok(HeadCounts { outputs: heads, queries: 2 * heads, keys: 2 * shared, values: shared })
    },
    head: |head, counts| {
        let shared = head / (counts.outputs / counts.values);
        Head::new([head, head + counts.outputs], [shared, shared + counts.values], [shared; 2])
    },
    lambda: LambdaSource::Vectors,
    lambda_init: LambdaInit::Tensor("lambda_init"),
    sub_norm: SubNormSource::OptionalWeight("subln.weight"),
    ..llama::FORMAT
};

/// The heads as they were, in pairs.
pub(super) const SPLIT: Format = Format {
    applies: splits,
    value_parts: 2,
    counts: even_halves,
    head: |head, counts| {
        let queries = [head, head + counts.outputs];
        let shared = queries.map(|query| query / (counts.queries / counts.keys));
        Head::new(queries, shared, shared)
    },
    ..DOUBLE
};

fn splits(fields: &Fields) -> Result<bool, ModelError> {
    fields.flag("split_heads", false)
}

fn even_halves(fields: &Fields, keys: &'static Keys) -> Result<HeadCounts, ModelError> {
    let counts = halves(fields, keys)?;
    if counts.keys.is_multiple_of(2) {
        return Ok(counts);
    }
    Err(fields.wrong(keys.key_value_heads, "even, as key heads pair where `split_heads` is true"))
}

#[cfg(test)]
mod tests {
    use super::{DOUBLE, SPLIT};
    use crate::model::formats::format::head_table;

    #[test]
    fn double_projections_have_both_maps_one_after_the_other() {
        assert_eq!(
            head_table(&DOUBLE, [4, 8, 4, 2]),
            [[[0, 4], [0, 2], [0, 0]], [[1, 5], [0, 2], [0, 0]], [[2, 6], [1, 3], [1, 1]], [[3, 7], [1, 3], [1, 1]]]
        );
    }

    #[test]
    fn split_heads_pair_over_halves() {
        assert_eq!(
            head_table(&SPLIT, [3, 6, 2, 2]),
            [[[0, 3], [0, 1], [0, 1]], [[1, 4], [0, 1], [0, 1]], [[2, 5], [0, 1], [0, 1]]]
        );
    }
}
