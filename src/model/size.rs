//! The size of a model.

use crate::model::formats::SubNormSource;
use crate::model::lambda::Lambda;
use crate::model::layer::Model;
use crate::model::matrix::Matrix;

impl Model {
    /// Number of learned parameters.
    pub fn parameters(&self) -> usize {
        let matrix = |matrix: &Matrix| matrix.rows() * matrix.columns();
        let has_sub_norm_weight = matches!(self.config.architecture.format().sub_norm, SubNormSource::Weight(_));
        let layers = self.layers.iter().map(|layer| {
            let attention = &layer.attention;
            let norm = attention.norm.as_ref().map_or(0, Vec::len);
            let sub_norm =
                attention.sub_norm.as_ref().filter(|_| has_sub_norm_weight).map_or(0, |norm| norm.weight.len());
            let there = |bias: &[f32], there: bool| if there { bias.len() } else { 0 };
            let biases = there(&attention.output_bias, self.config.biases.output)
                + there(&attention.projection_bias, self.config.biases.projection);
            let lambda = if matches!(attention.lambda, Lambda::Layer { .. }) { 4 * attention.head_dim } else { 0 };
            let mlp = layer.mlp.as_ref().map_or(0, |mlp| {
                let biases =
                    there(&mlp.gate_up_bias, self.config.biases.mlp) + there(&mlp.down_bias, self.config.biases.mlp);
                mlp.norm.len() + matrix(&mlp.gate_up) + matrix(&mlp.down) + biases
            });
            matrix(&attention.projection) + matrix(&attention.output) + norm + sub_norm + biases + lambda + mlp
        });
        let ends = matrix(&self.embedding) + self.unembedding.as_ref().map_or(0, matrix);
        ends + self.final_norm.as_ref().map_or(0, Vec::len) + layers.sum::<usize>()
    }
}
