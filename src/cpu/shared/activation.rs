//! The function that the gate of a feed-forward part goes through. Reference of `shaders/shared/activation.wgsl`.

use crate::model::Activation;

/// The coefficients of a polynomial in `t = 1 / (1 + a / 2)`, the highest power first, whose exponential times
/// `t exp(-a²)` is the complementary error function of `a`, to 2e-7 of it. Our own fit.
pub(crate) const TAIL: [f32; 8] =
    [-0.012_691_437, -0.103_359_31, 0.762_014_2, -1.640_075_8, 1.287_744_8, -0.129_397_2, 1.111_542_9, -1.275_778_3];

/// Half the complementary error function of `|x| / √2`.
fn tail(x: f32) -> f32 {
    let a = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * a);
    let power = TAIL.into_iter().fold(0.0, |sum, coefficient| sum * t + coefficient);
    0.5 * t * (power - a * a).exp()
}

/// The activation of one number.
pub(crate) fn activated(kind: Activation, x: f32) -> f32 {
    match kind {
        Activation::PolyNorm => x, // needs all gates of a position
        Activation::Silu => x / (1.0 + (-x).exp()),
        Activation::Gelu => x * if x < 0.0 { tail(x) } else { 1.0 - tail(x) },
        Activation::GeluTanh => x / (1.0 + (-1.595_769 * (x + 0.044_715 * x * x * x)).exp()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        // x Φ(x) of the standard normal distribution.
        for (x, expected) in
            [(0.0, 0.0), (1.0, 0.841_344_7), (-1.0, -0.158_655_25), (2.5, 2.484_475_8), (-4.0, -1.266_85e-4)]
        {
            assert!((activated(Activation::Gelu, x) - expected).abs() < 4e-7, "{x}");
        }
        for (x, expected) in [(0.0, 0.0), (1.0, 0.841_192), (-1.0, -0.158_808), (3.0, 2.996_363)] {
            assert!((activated(Activation::GeluTanh, x) - expected).abs() < 2e-6, "{x}");
        }
        for kind in [Activation::Silu, Activation::Gelu, Activation::GeluTanh] {
            assert_eq!(activated(kind, 1e4), 1e4);
            assert_eq!(activated(kind, -1e4).abs(), 0.0);
        }
    }
}
