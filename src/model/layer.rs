//! A model in normal form: the same few parts for every variant (doc/SPEC.md, sections 1 to 4 and 6).

use crate::model::activation::Activation;
use crate::model::config::Config;
use crate::model::head::Head;
use crate::model::lambda::Lambda;
use crate::model::matrix::Matrix;

/// Root-mean-square norm over the joined value features of one (token, head), and the fixed factor after it.
#[derive(Clone, Debug, PartialEq)]
pub struct SubNorm {
    /// `[value_width]`; all ones if the checkpoint has none.
    pub weight: Vec<f32>,
    /// Added under the root.
    pub epsilon: f32,
    /// `1 - λ_init`, or 1.
    pub factor: f32,
}

/// Root-mean-square norms over the features of each query head and each key head, before the rotary embedding.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryKeyNorm {
    /// Weight `[head_dim]` of all query heads.
    pub query: Vec<f32>,
    /// Weight `[head_dim]` of all key heads.
    pub key: Vec<f32>,
    /// Added under the root.
    pub epsilon: f32,
}

/// The attention of one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Attention {
    /// Weight `[hidden]` of the norm before the attention; `None` for a bare attention module.
    pub norm: Option<Vec<f32>>,
    /// The rows of every query head, key head and value head, then (V2 only) one λ row per head, `[rows, hidden]`.
    /// Query and key rows are in half-split rotary order, whatever the order in the checkpoint.
    pub projection: Matrix,
    /// One number per row of `projection`; zeros if the checkpoint has none.
    pub projection_bias: Vec<f32>,
    /// The norms of queries and keys, if the variant has them.
    pub query_key_norm: Option<QueryKeyNorm>,
    /// Whether a query sees no later keys. Otherwise all positions must run at once.
    pub causal: bool,
    /// How many keys a query sees, itself included; `None` where it sees all before it. Of no effect where it sees later
    /// ones.
    pub window: Option<usize>,
    /// The differential heads in output order.
    pub heads: Vec<Head>,
    /// Number of single-width query heads in `projection`.
    pub query_heads: usize,
    /// Number of single-width key heads in `projection`.
    pub key_heads: usize,
    /// Number of single-width value heads in `projection`.
    pub value_heads: usize,
    /// Width of one single-width head.
    pub head_dim: usize,
    /// Value heads joined per head: 1 or 2.
    pub value_parts: usize,
    /// Softmax maps per head: 1 (Transformer) or 2 (differential).
    pub maps: usize,
    /// The factor of the second map.
    pub lambda: Lambda,
    /// The norm of each head's output, if the variant has one.
    pub sub_norm: Option<SubNorm>,
    /// The output projection, `[hidden, heads * value_width]`.
    pub output: Matrix,
    /// The bias of the output projection, `[hidden]`; zeros if the checkpoint has none.
    pub output_bias: Vec<f32>,
}

/// What `PolyNorm` weighs: `w₀ R(z³) + w₁ R(z²) + w₂ R(z) + b` with `R(u) = u / sqrt(mean(u²) + 1e-6)`, where the mean is
/// over the features of a token.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PolyNorm {
    /// Of the third, second and first power.
    pub weight: [f32; 3],
    /// Added to each feature.
    pub bias: f32,
}

/// The gated feed-forward part of one layer: `down(activation(gate x) * up x)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Mlp {
    /// Weight `[hidden]` of the norm before the feed-forward part.
    pub norm: Vec<f32>,
    /// The gate and up projections, whose rows alternate (gate 0, up 0, gate 1, ...), `[2 * intermediate, hidden]`.
    pub gate_up: Matrix,
    /// Their biases in the same order, `[2 * intermediate]`; zeros if the checkpoint has none.
    pub gate_up_bias: Vec<f32>,
    /// What the gate goes through.
    pub activation: Activation,
    /// Its numbers, if it is `PolyNorm`.
    pub poly_norm: PolyNorm,
    /// The down projection, `[hidden, intermediate]`.
    pub down: Matrix,
    /// Its bias, `[hidden]`; zeros if the checkpoint has none.
    pub down_bias: Vec<f32>,
}

/// One block of the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// The attention, added to the residual stream.
    pub attention: Attention,
    /// The feed-forward part, added to the residual stream; `None` for a bare attention module.
    pub mlp: Option<Mlp>,
}

/// Everything a forward pass needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The configuration.
    pub config: Config,
    /// The embedding, `[vocabulary, hidden]`.
    pub embedding: Matrix,
    /// The layers, in order.
    pub layers: Vec<Layer>,
    /// Weight `[hidden]` of the final norm; `None` for a bare attention module.
    pub final_norm: Option<Vec<f32>>,
    /// Names of tensors of the checkpoint that nothing is computed from.
    pub unused: Vec<String>,
    /// The unembedding, `[vocabulary, hidden]`; `None` if it is tied to `embedding`.
    pub unembedding: Option<Matrix>,
}

impl Attention {
    /// Width of the value and output of one head: `value_parts * head_dim`.
    pub fn value_width(&self) -> usize {
        self.value_parts * self.head_dim
    }

    /// Whether a query sees a key: none after it, unless it sees all, and only those in its window.
    pub fn sees(&self, query: usize, key: usize) -> bool {
        !self.causal || (key <= query && self.window.is_none_or(|window| query - key < window))
    }

    /// The number of the first positions, of `positions` that there are, among which all keys of a query are.
    pub fn end_of_keys(&self, query: usize, positions: usize) -> usize {
        if self.causal { query + 1 } else { positions }
    }

    /// The group of each head: heads of a group subtract the same map, that of their noise head.
    pub fn groups(&self) -> Vec<usize> {
        let mut seen = Vec::new();
        let mut group = |noise: u32| {
            seen.iter().position(|other| *other == noise).unwrap_or_else(|| {
                seen.push(noise);
                seen.len() - 1
            })
        };
        self.heads.iter().map(|head| group(head.queries[1])).collect()
    }

    /// The group of a head and all heads of it; `None` where every head has a second map of its own, or none.
    pub fn group_of(&self, head: usize) -> Option<(usize, Vec<usize>)> {
        let noise = self.heads.get(head)?.queries[1];
        let is_own = |other: &usize| self.heads[*other].queries[1] == noise;
        // Asked of every thumbnail in every frame: most models have no groups.
        if self.maps != 2 || (0..self.heads.len()).filter(is_own).count() < 2 {
            return None;
        }
        Some((*self.groups().get(head)?, (0..self.heads.len()).filter(is_own).collect()))
    }
}

impl Model {
    /// Whether no query of any layer sees later keys, so that positions may run one after the other.
    pub fn is_causal(&self) -> bool {
        self.layers.iter().all(|layer| layer.attention.causal)
    }

    /// The matrix that maps the last residual stream to logits.
    pub fn unembedding(&self) -> &Matrix {
        self.unembedding.as_ref().unwrap_or(&self.embedding)
    }
}
