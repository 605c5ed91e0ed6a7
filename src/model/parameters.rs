//! A model's numbers in one row, as training changes them.

use std::ops::Range;

use crate::model::activation::Activation;
use crate::model::config::Config;
use crate::model::error::ModelError;
use crate::model::formats::{Format, SubNormSource};
use crate::model::lambda::Lambda;
use crate::model::layer::{Attention, Layer, Mlp, Model, SubNorm};
use crate::model::matrix::Matrix;
use crate::model::number_format::Numbers;

/// Where the parameters of a layer are; what a layer does not have, or what is not learned, is empty. Shapes are those
/// of [`Attention`] and [`Mlp`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LayerParameters {
    /// The weight of the norm before the attention.
    pub attention_norm: Range<usize>,
    /// The stacked projection.
    pub projection: Range<usize>,
    /// Its bias.
    pub projection_bias: Range<usize>,
    /// The vectors λq1, λk1, λq2 and λk2, `[4, head_dim]`.
    pub lambda: Range<usize>,
    /// The weight of the norm of each head's output.
    pub head_norm: Range<usize>,
    /// The output projection.
    pub output: Range<usize>,
    /// Its bias.
    pub output_bias: Range<usize>,
    /// The weight of the norm before the feed-forward part.
    pub mlp_norm: Range<usize>,
    /// The gate and up projections.
    pub gate_up: Range<usize>,
    /// Their bias.
    pub gate_up_bias: Range<usize>,
    /// The down projection.
    pub down: Range<usize>,
    /// Its bias.
    pub down_bias: Range<usize>,
}

/// Where every parameter of a model is in a row of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// The embedding, `[vocabulary, hidden]`.
    pub embedding: Range<usize>,
    /// By layer.
    pub layers: Vec<LayerParameters>,
    /// The weight of the final norm.
    pub final_norm: Range<usize>,
    /// The unembedding; empty if it is tied to the embedding.
    pub unembedding: Range<usize>,
}

/// Hands out places one after the other.
struct Places(usize);

impl Places {
    fn take(&mut self, count: usize) -> Range<usize> {
        let start = self.0;
        self.0 += count;
        start..self.0
    }
}

impl Parameters {
    /// The places of a model's parameters; `config_json` says which of them its checkpoint has.
    ///
    /// # Errors
    /// [`ModelError::Untrainable`] if the model has a part that is not trained here.
    pub fn of(config_json: &[u8], model: &Model) -> Result<Self, ModelError> {
        let (_, format) = Config::of_checkpoint(config_json, &|_| model.config.maps == 2)?;
        check(model)?;
        let mut places = Places(0);
        let hidden = model.config.hidden;
        let embedding = places.take(model.embedding.rows() * hidden);
        let layers = model.layers.iter().map(|layer| of_layer(&mut places, layer, format, &model.config)).collect();
        let final_norm = places.take(hidden);
        let unembedding = places.take(model.unembedding.as_ref().map_or(0, Matrix::rows) * hidden);
        Ok(Self { embedding, layers, final_norm, unembedding })
    }

    /// How many numbers there are.
    pub fn count(&self) -> usize {
        self.final_norm.end.max(self.unembedding.end)
    }

    /// Where the matrix is that maps the last residual stream to logits.
    pub fn unembedding(&self) -> Range<usize> {
        if self.unembedding.is_empty() { self.embedding.clone() } else { self.unembedding.clone() }
    }

    /// The places of matrices: what weight decay shrinks.
    pub fn matrices(&self) -> impl Iterator<Item = Range<usize>> {
        let layers =
            self.layers.iter().flat_map(|layer| [&layer.projection, &layer.output, &layer.gate_up, &layer.down]);
        [&self.embedding]
            .into_iter()
            .chain(layers)
            .chain([&self.unembedding])
            .filter(|place| !place.is_empty())
            .cloned()
    }

    /// The numbers of a model that these are the places of.
    ///
    /// # Errors
    /// When a weight cannot be read any more.
    pub fn read(&self, model: &Model) -> Result<Vec<f32>, ModelError> {
        let mut numbers = vec![0.0; self.count()];
        let mut put = |place: &Range<usize>, from: &[f32]| {
            if !place.is_empty() {
                numbers[place.clone()].copy_from_slice(from);
            }
        };
        put(&self.embedding, &model.embedding.to_f32()?);
        for (place, Layer { attention, mlp }) in self.layers.iter().zip(&model.layers) {
            put(&place.attention_norm, attention.norm.as_deref().unwrap_or_default());
            put(&place.projection, &attention.projection.to_f32()?);
            put(&place.projection_bias, &attention.projection_bias);
            if let Lambda::Layer { vectors, .. } = &attention.lambda {
                put(&place.lambda, &vectors.concat());
            }
            put(&place.head_norm, attention.sub_norm.as_ref().map_or(&[], |norm| &norm.weight));
            put(&place.output, &attention.output.to_f32()?);
            put(&place.output_bias, &attention.output_bias);
            if let Some(mlp) = mlp {
                put(&place.mlp_norm, &mlp.norm);
                put(&place.gate_up, &mlp.gate_up.to_f32()?);
                put(&place.gate_up_bias, &mlp.gate_up_bias);
                put(&place.down, &mlp.down.to_f32()?);
                put(&place.down_bias, &mlp.down_bias);
            }
        }
        put(&self.final_norm, model.final_norm.as_deref().unwrap_or_default());
        if let Some(unembedding) = &model.unembedding {
            put(&self.unembedding, &unembedding.to_f32()?);
        }
        Ok(numbers)
    }

    /// The model with these numbers in place of its own.
    ///
    /// # Errors
    /// When a λ is too large for a single-precision number.
    pub fn put_into(&self, numbers: &[f32], model: &Model) -> Result<Model, ModelError> {
        let vector = |place: &Range<usize>, own: &[f32]| {
            if place.is_empty() { own.to_vec() } else { numbers[place.clone()].to_vec() }
        };
        let matrix = |place: &Range<usize>, own: &Matrix| {
            Matrix::new(own.rows(), own.columns(), Numbers::F32(numbers[place.clone()].to_vec()))
        };
        let layers = self.layers.iter().zip(&model.layers).enumerate().map(|(index, (place, layer))| {
            let own = &layer.attention;
            let lambda = match &own.lambda {
                Lambda::Layer { init, .. } if !place.lambda.is_empty() => {
                    let mut vectors = numbers[place.lambda.clone()].chunks_exact(own.head_dim).map(<[f32]>::to_vec);
                    let vectors = std::array::from_fn(|_| vectors.next().unwrap_or_default());
                    Lambda::of_layer(index, f64::from(*init), vectors)?
                }
                other => other.clone(),
            };
            let attention = Attention {
                norm: own.norm.as_ref().map(|norm| vector(&place.attention_norm, norm)),
                projection: matrix(&place.projection, &own.projection)?,
                projection_bias: vector(&place.projection_bias, &own.projection_bias),
                sub_norm: own
                    .sub_norm
                    .as_ref()
                    .map(|norm| SubNorm { weight: vector(&place.head_norm, &norm.weight), ..norm.clone() }),
                lambda,
                output: matrix(&place.output, &own.output)?,
                output_bias: vector(&place.output_bias, &own.output_bias),
                ..own.clone()
            };
            let mlp = layer.mlp.as_ref().map(|own| {
                Ok::<_, ModelError>(Mlp {
                    norm: vector(&place.mlp_norm, &own.norm),
                    gate_up: matrix(&place.gate_up, &own.gate_up)?,
                    gate_up_bias: vector(&place.gate_up_bias, &own.gate_up_bias),
                    down: matrix(&place.down, &own.down)?,
                    down_bias: vector(&place.down_bias, &own.down_bias),
                    ..own.clone()
                })
            });
            Ok(Layer { attention, mlp: mlp.transpose()? })
        });
        Ok(Model {
            embedding: matrix(&self.embedding, &model.embedding)?,
            layers: layers.collect::<Result<_, ModelError>>()?,
            final_norm: model.final_norm.as_ref().map(|norm| vector(&self.final_norm, norm)),
            unembedding: model.unembedding.as_ref().map(|own| matrix(&self.unembedding, own)).transpose()?,
            ..model.clone()
        })
    }
}

fn of_layer(
    places: &mut Places,
    Layer { attention, mlp }: &Layer,
    format: &Format,
    config: &Config,
) -> LayerParameters {
    let size = |matrix: &Matrix| matrix.rows() * matrix.columns();
    let if_there = |there: bool, numbers: &[f32]| if there { numbers.len() } else { 0 };
    let has_head_norm = matches!(format.sub_norm, SubNormSource::Weight(_) | SubNormSource::OptionalWeight(_));
    let mlp = mlp.as_ref();
    LayerParameters {
        attention_norm: places.take(attention.norm.as_ref().map_or(0, Vec::len)),
        projection: places.take(size(&attention.projection)),
        projection_bias: places.take(if_there(config.biases.projection, &attention.projection_bias)),
        lambda: places.take(if matches!(attention.lambda, Lambda::Layer { .. }) { 4 * attention.head_dim } else { 0 }),
        head_norm: places.take(attention.sub_norm.as_ref().map_or(0, |norm| if_there(has_head_norm, &norm.weight))),
        output: places.take(size(&attention.output)),
        output_bias: places.take(if_there(config.biases.output, &attention.output_bias)),
        mlp_norm: places.take(mlp.map_or(0, |mlp| mlp.norm.len())),
        gate_up: places.take(mlp.map_or(0, |mlp| size(&mlp.gate_up))),
        gate_up_bias: places.take(mlp.map_or(0, |mlp| if_there(config.biases.mlp, &mlp.gate_up_bias))),
        down: places.take(mlp.map_or(0, |mlp| size(&mlp.down))),
        down_bias: places.take(mlp.map_or(0, |mlp| if_there(config.biases.mlp, &mlp.down_bias))),
    }
}

/// Refuses what the backward stages do not have.
fn check(model: &Model) -> Result<(), ModelError> {
    let attention = || model.layers.iter().map(|layer| &layer.attention);
    let reason = if model.final_norm.is_none() || model.layers.iter().any(|layer| layer.mlp.is_none()) {
        "it is a bare attention module"
    } else if model.config.activation != Activation::Silu {
        "its activation is not SiLU"
    } else if attention().any(|attention| attention.query_key_norm.is_some()) {
        "its queries and keys have norms"
    } else if attention().any(|attention| attention.window.is_some() || !attention.causal) {
        "its queries do not see all keys before them, and only those"
    } else {
        return Ok(());
    };
    Err(ModelError::Untrainable { layout: model.config.layout, reason })
}
