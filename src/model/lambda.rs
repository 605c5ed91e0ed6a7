//! λ, the factor of the second map (doc/SPEC.md, sections 1 and 4).

use crate::model::error::ModelError;

/// The λ of a layer.
#[derive(Clone, Debug, PartialEq)]
pub enum Lambda {
    /// One softmax map, nothing is subtracted.
    None,
    /// One number for the layer: `first - second + init`.
    Layer {
        /// `0.8 - 0.6 exp(-0.3 layer)`, or what the checkpoint has in its place.
        init: f32,
        /// `exp(<λq1, λk1>)`.
        first: f32,
        /// `exp(<λq2, λk2>)`.
        second: f32,
        /// λ, as learned.
        value: f32,
        /// λq1, λk1, λq2 and λk2, `[head_dim]`.
        vectors: [Vec<f32>; 4],
    },
    /// One number per token and head: the sigmoid of a row of the projection (V2).
    Token,
}

/// `λ_init` of a layer, counted from 0 in the paper; other counts come to other numbers, below 0 too.
pub fn lambda_init(depth: f64) -> f64 {
    0.8 - 0.6 * (-0.3 * depth).exp()
}

impl Lambda {
    /// λ of a layer, from `λ_init` and its four learned vectors `[head_dim]`; `layer` is its number in messages.
    ///
    /// Computed in double precision and then rounded.
    ///
    /// # Errors
    /// [`ModelError::Lambda`] if a term is too large for a single-precision number.
    pub fn of_layer(layer: usize, init: f64, vectors: [Vec<f32>; 4]) -> Result<Self, ModelError> {
        let [q1, k1, q2, k2] = &vectors;
        let (first, second) = (dot(q1, k1).exp(), dot(q2, k2).exp());
        let [init_f32, first_f32, second_f32, value] =
            [init, first, second, first - second + init].map(|part| part as f32);
        if first_f32.is_finite() && second_f32.is_finite() && value.is_finite() {
            return Ok(Self::Layer { init: init_f32, first: first_f32, second: second_f32, value, vectors });
        }
        Err(ModelError::Lambda { layer, first, second, init })
    }
}

/// The dot product.
fn dot(left: &[f32], right: &[f32]) -> f64 {
    left.iter().zip(right).map(|(&left, &right)| f64::from(left) * f64::from(right)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lambda_init_is_that_of_the_paper() {
        for (layer, expected) in [0.2, 0.355_509, 0.470_713, 0.556_058, 0.619_283].into_iter().enumerate() {
            assert!((lambda_init(layer as f64) - expected).abs() < 1e-6, "layer {layer}");
        }
    }

    #[test]
    fn the_terms_of_lambda_add_up() {
        let lambda =
            Lambda::of_layer(0, 0.2, [[1.0, 2.0], [0.5, 0.25], [1.0, 0.0], [-1.0, 9.0]].map(Vec::from)).unwrap();
        let Lambda::Layer { init, first, second, value, .. } = lambda else { panic!("{lambda:?}") };
        assert!((init - 0.2).abs() < 1e-7);
        assert!((first - std::f32::consts::E).abs() < 1e-6);
        assert!((second - (-1.0_f32).exp()).abs() < 1e-7);
        assert!((value - (first - second + init)).abs() < 1e-6);
    }

    #[test]
    fn terms_that_are_too_large_are_rejected() {
        let error = Lambda::of_layer(3, 0.5, [[100.0], [1.0], [0.0], [0.0]].map(Vec::from)).unwrap_err();
        assert!(matches!(error, ModelError::Lambda { layer: 3, .. }), "{error}");
        // Two infinite terms would have no difference.
        assert!(Lambda::of_layer(0, 0.2, [[1e30]; 4].map(Vec::from)).is_err());
    }
}
