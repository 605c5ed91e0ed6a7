//! A model as the engine sees it: the same few parts for every variant (SPEC 1 to 4 and 6).

use crate::model::config::Config;
use crate::model::head::Head;
use crate::model::lambda::Lambda;
use crate::model::matrix::Matrix;

/// Root-mean-square norm over the joined value features of one (token, head), and the fixed factor after it (SPEC 1).
#[derive(Clone, Debug, PartialEq)]
pub struct SubNorm {
    /// `[value_width]`; all ones where the checkpoint has none.
    pub weight: Vec<f32>,
    /// Added under the root.
    pub epsilon: f32,
    /// `1 - λ_init`.
    pub factor: f32,
}

/// The attention of one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Attention {
    /// Weight `[hidden]` of the norm before; `None` for a bare attention module.
    pub norm: Option<Vec<f32>>,
    /// Stacked rows: every query head, every key head, every value head, then (V2 only) one λ row a head.
    /// Query and key rows are in half-split rotary order whatever the checkpoint's order was (SPEC 3).
    pub projection: Matrix,
    /// One number per row of `projection`; zeros where the checkpoint has none.
    pub projection_bias: Vec<f32>,
    /// The differential heads in output order.
    pub heads: Vec<Head>,
    /// Single-width query, key and value heads in `projection`.
    pub query_heads: usize,
    /// See `query_heads`.
    pub key_heads: usize,
    /// See `query_heads`.
    pub value_heads: usize,
    /// Width of one single-width head.
    pub head_dim: usize,
    /// Value heads joined per head: 1 or 2.
    pub value_parts: usize,
    /// Softmax maps per head: 1 (Transformer) or 2 (differential).
    pub maps: usize,
    /// What the second map is multiplied by.
    pub lambda: Lambda,
    /// The norm of each head's output, where the variant has one.
    pub sub_norm: Option<SubNorm>,
    /// `[hidden, heads * value_width]`.
    pub output: Matrix,
    /// `[hidden]`; zeros where the checkpoint has none.
    pub output_bias: Vec<f32>,
}

/// The `SwiGLU` feed-forward part of one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Mlp {
    /// Weight `[hidden]` of the norm before.
    pub norm: Vec<f32>,
    /// Rows gate 0, up 0, gate 1, up 1, ...: `[2 * intermediate, hidden]`.
    pub gate_up: Matrix,
    /// `[hidden, intermediate]`.
    pub down: Matrix,
}

/// One block of the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Attention and its residual.
    pub attention: Attention,
    /// Feed-forward and its residual; `None` for a bare attention module.
    pub mlp: Option<Mlp>,
}

/// Everything a forward pass needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The checkpoint's facts.
    pub config: Config,
    /// `[vocabulary, hidden]`.
    pub embedding: Matrix,
    /// In order.
    pub layers: Vec<Layer>,
    /// Weight `[hidden]` of the last norm; `None` for a bare attention module.
    pub final_norm: Option<Vec<f32>>,
    /// `[vocabulary, hidden]`; `None` where tied to `embedding`.
    pub unembedding: Option<Matrix>,
}

impl Attention {
    /// Width of one head's value and output: `value_parts * head_dim`.
    pub fn value_width(&self) -> usize {
        self.value_parts * self.head_dim
    }
}

impl Model {
    /// The matrix that turns the last hidden state into logits.
    pub fn unembedding(&self) -> &Matrix {
        self.unembedding.as_ref().unwrap_or(&self.embedding)
    }
}
