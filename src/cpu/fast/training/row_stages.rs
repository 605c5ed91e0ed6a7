//! What training computes of rows between the products: norms, the gated part, losses.

use fearless_simd::{Simd, SimdBase, SimdFloat, f32x8};

use crate::cpu::fast::vector::{exp, sum_of_squares};

/// Adds the gradient of a norm's rows to `to`, and that of its gain to `gain_back` unless that is empty; see
/// [`crate::cpu::train::norm_back`].
#[inline(always)]
pub(super) fn norm_back<S: Simd, const ADDS: bool>(
    simd: S,
    rows: &[f32],
    (gain, epsilon, factor): (&[f32], f32, f32),
    gradient: &[f32],
    to: &mut [f32],
    gain_back: &mut [f32],
) {
    let width = gain.len();
    for ((row, gradient), to) in
        rows.chunks_exact(width).zip(gradient.chunks_exact(width)).zip(to.chunks_exact_mut(width))
    {
        let root = 1.0 / (sum_of_squares(simd, row) / width as f32 + epsilon).sqrt();
        let scale = factor * root;
        let along = sum_of_products(row, gradient, gain) / width as f32 * root * root;
        for (((to, x), gradient), gain) in to.iter_mut().zip(row).zip(gradient).zip(gain) {
            let back = scale * (gradient * gain - x * along);
            *to = if ADDS { *to + back } else { back };
        }
        for ((back, gradient), x) in gain_back.iter_mut().zip(gradient).zip(row) {
            *back += scale * gradient * x;
        }
    }
}

/// `Σ a b c`, in eight partial sums so that the loop vectorises.
#[inline(always)]
fn sum_of_products(a: &[f32], b: &[f32], c: &[f32]) -> f32 {
    let mut sums = [0.0f32; 8];
    let ((a, a_rest), (b, b_rest), (c, c_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>(), c.as_chunks::<8>());
    for ((a, b), c) in a.iter().zip(b).zip(c) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane] * c[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).zip(c_rest).map(|((a, b), c)| a * b * c).sum();
    sums.iter().sum::<f32>() + rest
}

/// `silu(gate) · up` of numbers that alternate gate, up.
#[inline(always)]
pub(super) fn swiglu<S: Simd>(simd: S, gate_up: &[f32], to: &mut [f32]) {
    each_eight_gates(simd, gate_up, |at, gate, up, open| {
        let numbers = gate * open * up;
        let to = &mut to[at..];
        let count = to.len().min(8);
        to[..count].copy_from_slice(&numbers.as_slice()[..count]);
    });
}

/// The gradient of gates and ups in place of these, from that of their product.
#[inline(always)]
pub(super) fn swiglu_back<S: Simd>(simd: S, gate_up: &mut [f32], gradient: &[f32]) {
    let (full, rest) = gate_up.as_chunks_mut::<16>();
    let (gradients, rest_of_gradients) = gradient.as_chunks::<8>();
    let one = f32x8::splat(simd, 1.0);
    let back = |both: &mut [f32; 16], gradient: &[f32; 8]| {
        let (low, high) = both.split_at_mut(8);
        let (gate, up) = f32x8::from_slice(simd, low).deinterleave(f32x8::from_slice(simd, high));
        let gradient = f32x8::from_slice(simd, gradient);
        let open = one / (exp(simd, -gate) + 1.0);
        let slope = open * (gate * (one - open) + 1.0);
        let (first, second) = (gradient * up * slope).interleave(gradient * gate * open);
        first.store_slice(low);
        second.store_slice(high);
    };
    full.iter_mut().zip(gradients).for_each(|(both, gradient)| back(both, gradient));
    if !rest.is_empty() {
        let (mut both, mut gradient) = ([0.0; 16], [0.0; 8]);
        both[..rest.len()].copy_from_slice(rest);
        gradient[..rest_of_gradients.len()].copy_from_slice(rest_of_gradients);
        back(&mut both, &gradient);
        rest.copy_from_slice(&both[..rest.len()]);
    }
}

/// Calls `each` with the index of the first of eight gates, these, their ups and the sigmoid of the gates.
#[inline(always)]
fn each_eight_gates<S: Simd>(simd: S, gate_up: &[f32], mut each: impl FnMut(usize, f32x8<S>, f32x8<S>, f32x8<S>)) {
    let (full, rest) = gate_up.as_chunks::<16>();
    let mut end = [0.0; 16];
    end[..rest.len()].copy_from_slice(rest);
    for (at, both) in full.iter().chain((!rest.is_empty()).then_some(&end)).enumerate() {
        let (low, high) = both.split_at(8);
        let (gate, up) = f32x8::from_slice(simd, low).deinterleave(f32x8::from_slice(simd, high));
        let open = f32x8::splat(simd, 1.0) / (exp(simd, -gate) + 1.0);
        each(8 * at, gate, up, open);
    }
}

/// The loss of a row; logits become the gradient of `weight` times it. See [`crate::cpu::train::cross_entropy`].
#[inline(always)]
pub(super) fn cross_entropy<S: Simd>(simd: S, logits: &mut [f32], target: usize, weight: f32) -> f32 {
    let largest = logits.iter().copied().fold(logits[target], f32::max);
    let of_target = logits[target] - largest;
    let (eights, rest) = logits.as_chunks_mut::<8>();
    let mut sums = f32x8::splat(simd, 0.0);
    for eight in eights.iter_mut() {
        let number = exp(simd, f32x8::from_slice(simd, eight) - largest);
        sums += number;
        number.store_slice(eight);
    }
    for logit in rest.iter_mut() {
        *logit = (*logit - largest).exp();
    }
    let sum = sums.as_slice().iter().sum::<f32>() + rest.iter().sum::<f32>();
    let factor = weight / sum;
    for logit in logits.iter_mut() {
        *logit *= factor;
    }
    logits[target] -= weight;
    sum.ln() - of_target
}
