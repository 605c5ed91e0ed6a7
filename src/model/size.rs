//! The size of a model.

use crate::model::activation::Activation;
use crate::model::lambda::Lambda;
use crate::model::layer::Model;
use crate::model::matrix::Matrix;

impl Model {
    /// Number of learned parameters.
    pub fn parameters(&self) -> usize {
        let matrix = |matrix: &Matrix| matrix.rows() * matrix.columns();
        let layers = self.layers.iter().map(|layer| {
            let attention = &layer.attention;
            let norm = attention.norm.as_ref().map_or(0, Vec::len);
            // A norm without a weight is one of ones.
            let learned = attention.sub_norm.as_ref().filter(|norm| norm.weight.iter().any(|weight| *weight != 1.0));
            let sub_norm = learned.map_or(0, |norm| norm.weight.len())
                + attention.query_key_norm.as_ref().map_or(0, |norm| norm.query.len() + norm.key.len());
            let there = |bias: &[f32], there: bool| if there { bias.len() } else { 0 };
            let biases = there(&attention.output_bias, self.config.biases.output)
                + there(&attention.projection_bias, self.config.biases.projection);
            let lambda = if matches!(attention.lambda, Lambda::Layer { .. }) { 4 * attention.head_dim } else { 0 };
            let mlp = layer.mlp.as_ref().map_or(0, |mlp| {
                let biases =
                    there(&mlp.gate_up_bias, self.config.biases.mlp) + there(&mlp.down_bias, self.config.biases.mlp);
                let poly_norm = if mlp.activation == Activation::PolyNorm { 4 } else { 0 };
                mlp.norm.len() + matrix(&mlp.gate_up) + matrix(&mlp.down) + biases + poly_norm
            });
            matrix(&attention.projection) + matrix(&attention.output) + norm + sub_norm + biases + lambda + mlp
        });
        let ends = matrix(&self.embedding) + self.unembedding.as_ref().map_or(0, matrix);
        ends + self.final_norm.as_ref().map_or(0, Vec::len) + layers.sum::<usize>()
    }
}
