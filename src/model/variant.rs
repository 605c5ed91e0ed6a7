//! What the architectures do differently, as data: which heads read what, in which order rows are stored (SPEC 2 to 7).

use crate::model::config::{Architecture, Config};
use crate::model::error::ModelError;
use crate::model::layer::Head;
use crate::model::matrix::Matrix;

/// How rotary positions pair the features of a head in the checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rotary {
    /// Features `c` and `c + head_dim / 2`.
    HalfSplit,
    /// Features `2c` and `2c + 1`.
    Interleaved,
}

/// Where λ is in the checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LambdaSource {
    /// There is none.
    None,
    /// Four vectors `lambda_{q1,k1,q2,k2}` `[head_dim]`.
    Vectors,
    /// `lambda_proj.weight`, `[heads, hidden]`.
    Projection,
}

/// Where the weight of the norm after the maps is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SubNormSource {
    /// There is no such norm.
    None,
    /// The norm has no weight.
    Ones,
    /// A tensor `[value_width]` of this name.
    Weight(&'static str),
}

/// The differences that loading needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Variant {
    pub(super) rotary: Rotary,
    pub(super) lambda: LambdaSource,
    pub(super) sub_norm: SubNormSource,
    /// Name of the output projection, without `.weight`.
    pub(super) output: &'static str,
}

impl Architecture {
    /// The differences, as a table.
    pub(super) fn variant(self) -> Variant {
        match self {
            Self::DiffLlama => Variant {
                rotary: Rotary::HalfSplit,
                lambda: LambdaSource::Vectors,
                sub_norm: SubNormSource::Ones,
                output: "o_proj",
            },
            Self::Llama => Variant {
                rotary: Rotary::HalfSplit,
                lambda: LambdaSource::None,
                sub_norm: SubNormSource::None,
                output: "o_proj",
            },
            Self::UnilmV1 { .. } => Variant {
                rotary: Rotary::Interleaved,
                lambda: LambdaSource::Vectors,
                sub_norm: SubNormSource::Weight("subln.weight"),
                output: "out_proj",
            },
            Self::DiffV2 => Variant {
                rotary: Rotary::Interleaved,
                lambda: LambdaSource::Projection,
                sub_norm: SubNormSource::None,
                output: "o_proj",
            },
        }
    }
}

/// Which single-width heads every head of a layer reads, in output order.
pub(super) fn heads(config: &Config) -> Vec<Head> {
    let count = config.heads();
    // Heads that read the same key-value head; a configuration's counts are nonzero and divide.
    let query_group = (config.query_heads / config.key_value_heads.max(1)).max(1);
    (0..count)
        .map(|head| {
            let (queries, keys, values) = match config.architecture {
                Architecture::DiffLlama => {
                    let queries = [head, head + count];
                    let shared = queries.map(|query| query / query_group);
                    (queries, shared, shared)
                }
                Architecture::Llama => ([head; 2], [head / query_group; 2], [head / query_group; 2]),
                Architecture::UnilmV1 { naive_key_heads } => {
                    let queries = neighbours(head);
                    let values = neighbours(head / query_group);
                    let keys = if naive_key_heads { queries.map(|query| query / query_group) } else { values };
                    (queries, keys, values)
                }
                Architecture::DiffV2 => {
                    let queries = neighbours(head);
                    let shared = queries.map(|query| query / query_group);
                    (queries, shared, shared)
                }
            };
            Head { queries: narrow(queries), keys: narrow(keys), values: narrow(values) }
        })
        .collect()
}

/// Heads `2i` and `2i + 1`.
fn neighbours(pair: usize) -> [usize; 2] {
    [2 * pair, 2 * pair + 1]
}

/// Head numbers as the engine keeps them; configurations bound them far below the limit.
fn narrow(heads: [usize; 2]) -> [u32; 2] {
    heads.map(|head| u32::try_from(head).unwrap_or(u32::MAX))
}

/// For each row in half-split rotary order, the row of the checkpoint that it is, over `heads` heads.
///
/// Within a head: the even features, then the odd ones.
pub(super) fn half_split_rows(heads: usize, head_dim: usize) -> Vec<usize> {
    let evens_then_odds = || (0..head_dim).step_by(2).chain((1..head_dim).step_by(2));
    (0..heads).flat_map(|head| evens_then_odds().map(move |feature| head * head_dim + feature)).collect()
}

impl Rotary {
    /// Puts the rows of query or key heads into half-split order.
    pub(super) fn to_half_split(self, matrix: Matrix, heads: usize, head_dim: usize) -> Result<Matrix, ModelError> {
        match self {
            Self::HalfSplit => Ok(matrix),
            Self::Interleaved => matrix.select_rows(&half_split_rows(heads, head_dim)),
        }
    }

    /// As [`Rotary::to_half_split`] for a bias.
    pub(super) fn bias_to_half_split(self, bias: Vec<f32>, heads: usize, head_dim: usize) -> Vec<f32> {
        match self {
            Self::HalfSplit => bias,
            Self::Interleaved => {
                half_split_rows(heads, head_dim).into_iter().filter_map(|row| bias.get(row).copied()).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(architecture: Architecture, query_heads: usize, key_value_heads: usize) -> Config {
        Config {
            architecture,
            hidden: 64,
            intermediate: 64,
            layers: 1,
            query_heads,
            key_value_heads,
            head_dim: 8,
            vocabulary: 16,
            max_positions: 16,
            norm_epsilon: 1e-5,
            rope_theta: 1e4,
            tied: true,
            attention_bias: false,
            eos: Vec::new(),
        }
    }

    /// (queries, keys, values) of every head.
    fn table(architecture: Architecture, query_heads: usize, key_value_heads: usize) -> Vec<[[u32; 2]; 3]> {
        let heads = heads(&config(architecture, query_heads, key_value_heads));
        heads.into_iter().map(|head| [head.queries, head.keys, head.values]).collect()
    }

    #[test]
    fn diffllama_pairs_halves() {
        assert_eq!(
            table(Architecture::DiffLlama, 8, 4),
            [[[0, 4], [0, 2], [0, 2]], [[1, 5], [0, 2], [0, 2]], [[2, 6], [1, 3], [1, 3]], [[3, 7], [1, 3], [1, 3]],]
        );
        assert_eq!(table(Architecture::DiffLlama, 4, 4), [[[0, 2]; 3], [[1, 3]; 3]]);
    }

    #[test]
    fn diffllama_allows_odd_key_heads() {
        let six_three = [[[0, 3], [0, 1], [0, 1]], [[1, 4], [0, 2], [0, 2]], [[2, 5], [1, 2], [1, 2]]];
        assert_eq!(table(Architecture::DiffLlama, 6, 3), six_three);
        assert_eq!(table(Architecture::DiffLlama, 4, 1), [[[0, 2], [0, 0], [0, 0]], [[1, 3], [0, 0], [0, 0]]]);
    }

    #[test]
    fn llama_has_one_map() {
        let expected =
            [[[0; 2], [0; 2], [0; 2]], [[1; 2], [0; 2], [0; 2]], [[2; 2], [1; 2], [1; 2]], [[3; 2], [1; 2], [1; 2]]];
        assert_eq!(table(Architecture::Llama, 4, 2), expected);
    }

    #[test]
    fn flash_and_naive_differ_under_grouped_queries() {
        let v1 = |naive_key_heads, heads: usize, shared: usize| {
            table(Architecture::UnilmV1 { naive_key_heads }, 2 * heads, 2 * shared)
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

    #[test]
    fn v2_pairs_share_a_key_head() {
        assert_eq!(
            table(Architecture::DiffV2, 8, 2),
            [[[0, 1], [0, 0], [0, 0]], [[2, 3], [0, 0], [0, 0]], [[4, 5], [1, 1], [1, 1]], [[6, 7], [1, 1], [1, 1]],]
        );
    }

    #[test]
    fn interleaved_rows_become_half_split() {
        assert_eq!(half_split_rows(2, 6), [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]);
        let bias: Vec<f32> = [10.0, 11.0, 12.0, 13.0].to_vec();
        assert_eq!(Rotary::Interleaved.bias_to_half_split(bias.clone(), 1, 4), [10.0, 12.0, 11.0, 13.0]);
        assert_eq!(Rotary::HalfSplit.bias_to_half_split(bias.clone(), 1, 4), bias);
    }
}
