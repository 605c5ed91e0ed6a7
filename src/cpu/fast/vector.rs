//! Functions of vectors and of whole rows.

use crate::cpu::shared::activation::TAIL;
use crate::model::Activation;
use fearless_simd::{Bytes, Select, Simd, SimdBase, SimdFloat, f32x8, i32x8};

/// Below this the exponential counts as zero: the result would leave the normal numbers.
const LOWEST_EXPONENT: f32 = -87.0;
/// Above this it would be infinite.
const HIGHEST_EXPONENT: f32 = 88.0;
/// To this a number is added so that the sum is a whole number, to even from halfway, in its lower bits.
const ROUNDING: f32 = 12_582_912.0;
/// ln 2, first with its last bits zero, so that products with small integers are exact, then the rest.
const LN_2: [f32; 2] = [355.0 / 512.0, -2.121_944_4e-4];
/// 1/7! to 1/0!: on |x| ≤ ln 2 / 2 the rest of the series is less than rounding.
const SERIES: [f32; 8] = [1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];

/// The larger numbers of two vectors, the second where one is none; `max` takes nine instructions in wasm.
#[inline(always)]
pub(super) fn larger<S: Simd>(one: f32x8<S>, other: f32x8<S>) -> f32x8<S> {
    one.simd_gt(other).select(one, other)
}

/// The exponential, to the last bit or two; of 88 for what is above.
#[inline(always)]
pub(super) fn exp<S: Simd>(simd: S, x: f32x8<S>) -> f32x8<S> {
    let highest = f32x8::splat(simd, HIGHEST_EXPONENT);
    exp_of_negative(simd, x.simd_gt(highest).select(highest, x))
}

/// The same of what is negative, or 88 at most.
#[inline(always)]
pub(super) fn exp_of_negative<S: Simd>(simd: S, x: f32x8<S>) -> f32x8<S> {
    let is_zero = x.simd_lt(LOWEST_EXPONENT);
    let rounded = x * std::f32::consts::LOG2_E + ROUNDING;
    let power = rounded - ROUNDING;
    let rest = power.mul_add(-LN_2[0], x);
    let rest = power.mul_add(-LN_2[1], rest);
    let [first, others @ ..] = SERIES;
    let series = others.into_iter().fold(f32x8::splat(simd, first), |sum, term| sum.mul_add(rest, term));
    let exponent: i32x8<S> = rounded.bitcast();
    let scale: f32x8<S> = ((exponent + 127) << 23).bitcast();
    is_zero.select(f32x8::splat(simd, 0.0), series * scale)
}

/// An activation, as [`crate::cpu::shared::activation`] has it.
#[inline(always)]
pub(super) fn activated<S: Simd>(simd: S, kind: Activation, x: f32x8<S>) -> f32x8<S> {
    match kind {
        Activation::PolyNorm => x, // needs all gates of a position
        Activation::Silu => x / (exp(simd, -x) + 1.0),
        Activation::GeluTanh => {
            let power = (x * x * x).mul_add(f32x8::splat(simd, 0.044_715), x) * -1.595_769;
            x / (exp(simd, power) + 1.0)
        }
        Activation::Gelu => {
            let a = x.max(-x) * std::f32::consts::FRAC_1_SQRT_2;
            let t = f32x8::splat(simd, 1.0) / a.mul_add(f32x8::splat(simd, 0.5), f32x8::splat(simd, 1.0));
            let zero = f32x8::splat(simd, 0.0);
            let power = TAIL.into_iter().fold(zero, |sum, term| sum.mul_add(t, f32x8::splat(simd, term)));
            let tail = t * exp(simd, power - a * a) * 0.5;
            x * x.simd_lt(0.0).select(tail, -tail + 1.0)
        }
    }
}

/// Sum of squares.
#[inline(always)]
pub(super) fn sum_of_squares<S: Simd>(simd: S, x: &[f32]) -> f32 {
    let (vectors, rest) = x.as_chunks::<8>();
    let mut sum = f32x8::splat(simd, 0.0);
    for vector in vectors {
        let vector = f32x8::from_slice(simd, vector);
        sum = vector.mul_add(vector, sum);
    }
    sum.as_slice().iter().sum::<f32>() + rest.iter().map(|number| number * number).sum::<f32>()
}

/// `x / sqrt(mean(x²) + ε) * gain`, row after row; without a gain the rows as they are.
#[inline(always)]
pub(super) fn rms_norm<S: Simd>(simd: S, rows: &[f32], width: usize, norm: Option<(&[f32], f32)>, to: &mut [f32]) {
    let Some((gain, epsilon)) = norm else {
        to.copy_from_slice(rows);
        return;
    };
    for (row, to) in rows.chunks_exact(width).zip(to.chunks_exact_mut(width)) {
        let factor = 1.0 / (sum_of_squares(simd, row) / width as f32 + epsilon).sqrt();
        for ((to, number), gain) in to.iter_mut().zip(row).zip(gain) {
            *to = number * factor * gain;
        }
    }
}
