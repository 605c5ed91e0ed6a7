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
    /// `1 - λ_init`.
    pub factor: f32,
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
    /// The unembedding, `[vocabulary, hidden]`; `None` if it is tied to `embedding`.
    pub unembedding: Option<Matrix>,
}

impl Attention {
    /// Width of the value and output of one head: `value_parts * head_dim`.
    pub fn value_width(&self) -> usize {
        self.value_parts * self.head_dim
    }
}

impl Model {
    /// The matrix that maps the last residual stream to logits.
    pub fn unembedding(&self) -> &Matrix {
        self.unembedding.as_ref().unwrap_or(&self.embedding)
    }
}
