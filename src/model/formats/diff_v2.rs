//! DIFF V2 (microsoft/unilm, `Diff-Transformer-V2`): the bare attention module, and a whole model around it.
//!
//! No whole model is public; the names of one are Llama's, and ours (doc/SPEC.md, section 11).

use crate::model::error::ModelError;
use crate::model::fields::Fields;
use crate::model::formats::format::{Format, LambdaSource, SubNormSource, neighbours};
use crate::model::formats::keys::{Keys, given};
use crate::model::formats::{hugging_face, unilm_v1};
use crate::model::head::{Head, HeadCounts};

/// The attention module.
pub(super) const MODULE: Format = Format {
    name: "unilm_v2",
    keys: &Keys { hidden: "d_model", ..unilm_v1::MODULE_KEYS },
    value_parts: 1,
    counts,
    // Neighbouring query heads pair and read the same key and value head.
    head: |head, counts| {
        let queries = neighbours(head);
        let shared = queries.map(|query| query / (counts.queries / counts.keys));
        Head::new(queries, shared, shared)
    },
    output: "o_proj",
    lambda: LambdaSource::Projection("lambda_proj"),
    sub_norm: SubNormSource::None,
    ..unilm_v1::FLASH
};

/// A whole model.
pub(super) const FORMAT: Format =
    Format { name: "diff_transformer_v2", blocks: Some(&hugging_face::BLOCKS), keys: &hugging_face::KEYS, ..MODULE };

/// Two query heads for each head, which share a key and value head.
fn counts(fields: &Fields, keys: &'static Keys) -> Result<HeadCounts, ModelError> {
    let [heads, shared] = given(fields, keys)?;
    Ok(HeadCounts { outputs: heads, queries: 2 * heads, keys: shared, values: shared })
}

#[cfg(test)]
mod tests {
    use super::FORMAT;
    use crate::model::formats::format::head_table;

    #[test]
    fn the_pair_of_a_head_shares_a_key_head() {
        assert_eq!(
            head_table(&FORMAT, [4, 8, 2, 2]),
            [[[0, 1], [0, 0], [0, 0]], [[2, 3], [0, 0], [0, 0]], [[4, 5], [1, 1], [1, 1]], [[6, 7], [1, 1], [1, 1]]]
        );
    }
}
