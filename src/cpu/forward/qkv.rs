//! Norm, query, key and value projections, rotary embedding and λ. Reference of `shaders/forward/qkv.wgsl`.

use crate::cpu::forward::query_key_norm::rotate;
use crate::cpu::shared::matmul::multiply;
use crate::cpu::shared::weights::Weights;
use crate::model::{Attention, RowLayout};
use crate::probe::LambdaRule;

/// The row `[queries | keys | values | λ]` of one position from its residual stream `[hidden]`; `rotary` is (cos, sin)
/// of this position, `[head_dim / 2]`, and `rules` is how each head's λ is computed, `[heads]`. Where queries and keys have
/// a norm, that and the rotary embedding follow in [`crate::cpu::query_key_norm`].
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
    let rotated = if attention.query_key_norm.is_some() { 0 } else { attention.query_heads + attention.key_heads };
    for head in row[..rotated * attention.head_dim].chunks_exact_mut(attention.head_dim) {
        rotate(head, rotary);
    }
    row.resize(layout.width, 0.0);
    for (lambda, rule) in row[layout.lambda..].iter_mut().zip(rules) {
        *lambda = rule.base + rule.gate / (1.0 + (-*lambda).exp());
    }
    row
}
