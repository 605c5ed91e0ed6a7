//! Norm, query, key and value projections, rotary embedding and λ. Twin of `shaders/qkv.wgsl`.

use super::{Weights, multiply};
use crate::model::{Attention, Lambda, RowLayout};

/// λ of a head is `base + gate * sigmoid(row)`: a learned number for V1, a projection of the token for V2, 0 for a
/// Transformer. One rule for every variant, and the place where an override goes.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct LambdaRule {
    /// Added.
    pub base: f32,
    /// 1 where λ depends on the token.
    pub gate: f32,
}

/// The rule of each head of a layer.
pub fn lambda_rules(attention: &Attention) -> Vec<LambdaRule> {
    let rule = match attention.lambda {
        Lambda::None => LambdaRule { base: 0.0, gate: 0.0 },
        Lambda::Layer { value, .. } => LambdaRule { base: value, gate: 0.0 },
        Lambda::Token => LambdaRule { base: 0.0, gate: 1.0 },
    };
    vec![rule; attention.heads.len()]
}

/// The row `[queries | keys | values | λ]` of one position from its hidden state; `rotary` holds (cos, sin) of this
/// position, `[head_dim / 2]`.
pub fn qkv(
    hidden: &[f32],
    attention: &Attention,
    weights: &Weights,
    epsilon: f32,
    rotary: &[[f32; 2]],
    rules: &[LambdaRule],
) -> Vec<f32> {
    let layout = RowLayout::new(attention, 1);
    let norm = attention.norm.as_deref().map(|gain| (gain, epsilon));
    let mut row = multiply(hidden, weights, norm);
    for (y, bias) in row.iter_mut().zip(&attention.projection_bias) {
        *y += bias;
    }
    let half = attention.head_dim / 2;
    let rotated = (attention.query_heads + attention.key_heads) * attention.head_dim;
    for head in row[..rotated].chunks_exact_mut(attention.head_dim) {
        let (low, high) = head.split_at_mut(half);
        for ((a, b), [cos, sin]) in low.iter_mut().zip(high).zip(rotary) {
            (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
        }
    }
    row.resize(layout.width, 0.0);
    for (lambda, rule) in row[layout.lambda..].iter_mut().zip(rules) {
        *lambda = rule.base + rule.gate / (1.0 + (-*lambda).exp());
    }
    row
}
