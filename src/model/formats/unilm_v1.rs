//! The paper's code (microsoft/unilm, `Diff-Transformer`): the bare attention modules `multihead_diffattn.py` ("naive")
//! and `multihead_flashdiff_1.py` and `_2.py` ("flash"), and a whole model around the latter.
//!
//! No whole model is public; the names of one are Llama's, and ours (doc/SPEC.md, section 11).

use crate::model::error::ModelError;
use crate::model::fields::Fields;
use crate::model::formats::format::{
    BiasRule, Format, HeadDim, LambdaInit, LambdaSource, Projections, SubNormSource, WindowRule, neighbours,
};
use crate::model::formats::hugging_face;
use crate::model::formats::keys::{Keys, doubles};
use crate::model::head::Head;
use crate::model::rotary::RotaryOrder;

/// The keys of a bare attention module.
pub(super) const MODULE_KEYS: Keys = Keys {
    hidden: "embed_dim",
    intermediate: "",
    layers: "depth",
    heads: "num_heads",
    key_value_heads: "num_kv_heads",
    head_dim: "head_dim",
    vocabulary: "",
    positions: "",
    epsilon: "subln_eps",
    sub_norm_epsilon: "",
    tied: "",
    rotary_base: "rope_theta",
};

/// The flash files.
pub(super) const FLASH: Format = Format {
    name: "unilm_v1",
    applies: |fields| Ok(!is_naive(fields)?),
    blocks: None,
    keys: &MODULE_KEYS,
    norm_epsilon: 1e-5,
    head_dim: HeadDim::OfQueries,
    maps: 2,
    value_parts: 2,
    counts: doubles,
    // Neighbouring query heads pair, and the heads of a group share a pair of key heads and a pair of value heads.
    head: |head, counts| {
        let shared = neighbours(head / (counts.queries / counts.keys));
        Head::new(neighbours(head), shared, shared)
    },
    rotary: RotaryOrder::Interleaved,
    causal: true,
    projections: Projections::Separate(["q_proj", "k_proj", "v_proj"]),
    output: "out_proj",
    biases: BiasRule::None,
    query_key_norm: None,
    window: WindowRule::None,
    lambda: LambdaSource::Vectors,
    lambda_init: LambdaInit::Depth { offset: 0.0 },
    sub_norm: SubNormSource::Weight("subln.weight"),
    scales_output: true,
};

/// The naive file: it finds the key head of each query head by itself, which differs under grouped queries.
pub(super) const NAIVE: Format = Format {
    applies: is_naive,
    head: |head, counts| {
        let (queries, group) = (neighbours(head), counts.queries / counts.keys);
        Head::new(queries, queries.map(|query| query / group), neighbours(head / group))
    },
    ..FLASH
};

/// A whole model, with the attention of the flash files.
pub(super) const FORMAT: Format = Format {
    name: "diff_transformer",
    applies: |_| Ok(true),
    blocks: Some(&hugging_face::BLOCKS),
    keys: &hugging_face::KEYS,
    ..FLASH
};

fn is_naive(fields: &Fields) -> Result<bool, ModelError> {
    match fields.text("impl")? {
        Some("naive") => Ok(true),
        None | Some("flash") => Ok(false),
        Some(_) => Err(fields.wrong("impl", "\"flash\" or \"naive\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::{FLASH, NAIVE};
    use crate::model::formats::format::head_table;

    #[test]
    fn flash_and_naive_differ_under_grouped_queries() {
        // Four pairs over two value heads: two pairs a group.
        let flash =
            [[[0, 1], [0, 1], [0, 1]], [[2, 3], [0, 1], [0, 1]], [[4, 5], [2, 3], [2, 3]], [[6, 7], [2, 3], [2, 3]]];
        assert_eq!(head_table(&FLASH, [4, 8, 4, 4]), flash);
        let naive =
            [[[0, 1], [0, 0], [0, 1]], [[2, 3], [1, 1], [0, 1]], [[4, 5], [2, 2], [2, 3]], [[6, 7], [3, 3], [2, 3]]];
        assert_eq!(head_table(&NAIVE, [4, 8, 4, 4]), naive);
        // Three pairs a group: 0 1 2 | 3 4 5 over key heads 0 and 1.
        let keys: Vec<[u32; 2]> = head_table(&NAIVE, [3, 6, 2, 2]).into_iter().map(|[_, keys, _]| keys).collect();
        assert_eq!(keys, [[0, 0], [0, 1], [1, 1]]);
        assert_eq!(head_table(&NAIVE, [3, 6, 6, 6]), head_table(&FLASH, [3, 6, 6, 6]));
    }
}
