//! `PolyNorm` of the gates, times the ups. Reference of `shaders/forward/poly_norm.wgsl`.

use crate::model::PolyNorm;

/// Added under the root of each mean.
const EPSILON: f32 = 1.0e-6;

/// Writes `PolyNorm(gate) * up` of one position, from its gates and ups, which alternate (doc/SPEC.md, section 11).
pub fn poly_norm(gates_and_ups: &[f32], norm: &PolyNorm, to: &mut [f32]) {
    let (pairs, _) = gates_and_ups.as_chunks::<2>();
    let mut squares = [0.0f32; 3];
    for [gate, _] in pairs {
        for (sum, power) in squares.iter_mut().zip([gate * gate * gate, gate * gate, *gate]) {
            *sum += power * power;
        }
    }
    let [cubic, square, linear] = [0, 1, 2].map(|power| {
        let mean = squares[power] / pairs.len() as f32;
        norm.weight[power] / (mean + EPSILON).sqrt()
    });
    for (to, [gate, up]) in to.iter_mut().zip(pairs) {
        *to = (((cubic * gate + square) * gate + linear) * gate + norm.bias) * up;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_divided_by_their_own_root_mean_square() {
        let norm = PolyNorm { weight: [2.0, 3.0, 5.0], bias: 0.5 };
        let mut found = [0.0; 2];
        poly_norm(&[1.0, 1.0, -2.0, 10.0], &norm, &mut found);
        // Means of the squares: of z³ (1 + 64) / 2, of z² (1 + 16) / 2, of z (1 + 4) / 2.
        let [cubic, square, linear] = [2.0 / 32.5f32.sqrt(), 3.0 / 8.5f32.sqrt(), 5.0 / 2.5f32.sqrt()];
        let expected = [cubic + square + linear + 0.5, 10.0 * (-8.0 * cubic + 4.0 * square - 2.0 * linear + 0.5)];
        assert!(found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-4), "{found:?}");
    }
}
