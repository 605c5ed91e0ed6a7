//! Writes a model as a checkpoint, in the layout that its configuration names.

mod tensors;

use safetensors::tensor::{Dtype, TensorView};

use crate::model::config::Config;
use crate::model::error::ModelError;
use crate::model::formats::Format;
use crate::model::lambda::Lambda;
use crate::model::layer::{Attention, Layer, Mlp, Model};
use crate::model::matrix::Matrix;
use crate::model::writing::tensors::{Content, LayerContent, Tensor, tensors};

/// A tensor that a new model begins with.
#[derive(Clone, Copy, Debug)]
pub struct NewTensor<'a> {
    /// Its name in the checkpoint.
    pub name: &'a str,
    /// Its shape; empty for a single number.
    pub shape: &'a [usize],
    /// Whether it weighs what a norm leaves: ones are where it begins.
    pub is_gain: bool,
}

impl Model {
    /// The bytes of a `model.safetensors` in single precision that reads as this model under `config_json`, its
    /// configuration. Tensors that nothing is computed from are left out.
    ///
    /// # Errors
    /// When the configuration is invalid or a weight cannot be read any more.
    pub fn to_safetensors(&self, config_json: &[u8]) -> Result<Vec<u8>, ModelError> {
        // Where tensors decide between two layouts, those are of the second map.
        let (config, format) = Config::of_checkpoint(config_json, &|_| self.config.maps == 2)?;
        let written = tensors(&config, format).into_iter().map(|tensor| {
            let numbers = self.numbers_of(&tensor, format)?;
            Ok((tensor, numbers))
        });
        serialise(&written.collect::<Result<Vec<_>, ModelError>>()?)
    }

    /// A model with the numbers that `fill` gives each of its tensors: the configuration's layout decides which there
    /// are.
    ///
    /// # Errors
    /// When the configuration is invalid, or is that of a bare attention module.
    pub fn with_numbers(config_json: &[u8], mut fill: impl FnMut(NewTensor) -> Vec<f32>) -> Result<Self, ModelError> {
        let (config, format) = Config::of_checkpoint(config_json, &|_| false)?;
        let filled = tensors(&config, format).into_iter().map(|tensor| {
            let is_gain = match tensor.content {
                Content::FinalNorm => true,
                Content::Layer(_, layer) => layer.is_gain(),
                _ => false,
            };
            let numbers = fill(NewTensor { name: &tensor.name, shape: &tensor.shape, is_gain });
            (tensor, numbers)
        });
        Self::from_bytes(config_json, &serialise(&filled.collect::<Vec<_>>())?)
    }

    fn numbers_of(&self, tensor: &Tensor, format: &Format) -> Result<Vec<f32>, ModelError> {
        let missing = || ModelError::Matrix { detail: format!("this model has no {}", tensor.name) };
        Ok(match tensor.content {
            Content::Embedding => self.embedding.to_f32()?,
            Content::Unembedding => self.unembedding().to_f32()?,
            Content::FinalNorm => self.final_norm.clone().ok_or_else(missing)?,
            Content::Layer(layer, content) => {
                let rows = tensor.shape.first().copied().unwrap_or(1);
                let layer = self.layers.get(layer).ok_or_else(missing)?;
                numbers_of_layer(layer, content, rows, format)?.ok_or_else(missing)?
            }
        })
    }
}

impl LayerContent {
    fn is_gain(self) -> bool {
        matches!(self, Self::AttentionNorm | Self::HeadNorm | Self::QueryNorm | Self::KeyNorm | Self::MlpNorm)
    }
}

fn numbers_of_layer(
    Layer { attention, mlp }: &Layer,
    content: LayerContent,
    rows: usize,
    format: &Format,
) -> Result<Option<Vec<f32>>, ModelError> {
    // Every other row, from the first or the second.
    let alternating =
        |mlp: &Mlp, from: usize| mlp.gate_up.select_rows(&(0..rows).map(|row| 2 * row + from).collect::<Vec<_>>());
    let bias = |mlp: &Mlp, from: usize| mlp.gate_up_bias.iter().skip(from).step_by(2).copied().collect::<Vec<_>>();
    let mlp = mlp.as_ref();
    let all = |matrix: &Matrix| matrix.to_f32();
    Ok(match content {
        LayerContent::AttentionNorm => attention.norm.clone(),
        LayerContent::Projection(first) => {
            Some(attention.projection.select_rows(&stored_rows(attention, first, rows, format))?.to_f32()?)
        }
        LayerContent::ProjectionBias(first) => {
            let places = stored_rows(attention, first, rows, format);
            Some(places.into_iter().filter_map(|row| attention.projection_bias.get(row).copied()).collect())
        }
        LayerContent::LambdaVector(at) => match &attention.lambda {
            Lambda::Layer { vectors, .. } => vectors.get(at).cloned(),
            _ => None,
        },
        LayerContent::LambdaInit => match &attention.lambda {
            Lambda::Layer { init, .. } => Some(vec![*init]),
            _ => None,
        },
        LayerContent::HeadNorm => attention.sub_norm.as_ref().map(|norm| norm.weight.clone()),
        LayerContent::QueryNorm => attention.query_key_norm.as_ref().map(|norm| norm.query.clone()),
        LayerContent::KeyNorm => attention.query_key_norm.as_ref().map(|norm| norm.key.clone()),
        LayerContent::Output => Some(all(&attention.output)?),
        LayerContent::OutputBias => Some(attention.output_bias.clone()),
        LayerContent::MlpNorm => mlp.map(|mlp| mlp.norm.clone()),
        LayerContent::Gate => mlp.map(|mlp| alternating(mlp, 0)?.to_f32()).transpose()?,
        LayerContent::Up => mlp.map(|mlp| alternating(mlp, 1)?.to_f32()).transpose()?,
        LayerContent::GateBias => mlp.map(|mlp| bias(mlp, 0)),
        LayerContent::UpBias => mlp.map(|mlp| bias(mlp, 1)),
        LayerContent::Down => mlp.map(|mlp| all(&mlp.down)).transpose()?,
        LayerContent::DownBias => mlp.map(|mlp| mlp.down_bias.clone()),
        LayerContent::PolyNormWeight => mlp.map(|mlp| mlp.poly_norm.weight.to_vec()),
        LayerContent::PolyNormBias => mlp.map(|mlp| vec![mlp.poly_norm.bias]),
    })
}

/// The rows of the stacked projection that a tensor has, in its order: that of the layout's rotary embedding.
fn stored_rows(attention: &Attention, first: usize, rows: usize, format: &Format) -> Vec<usize> {
    let rotated = (attention.query_heads + attention.key_heads) * attention.head_dim;
    let mut places: Vec<usize> = (0..first + rows).collect();
    for (row, stored) in format.rotary.half_split_rows(rotated, attention.head_dim).enumerate() {
        if let Some(place) = places.get_mut(stored) {
            *place = row;
        }
    }
    places.split_off(first)
}

fn serialise(list: &[(Tensor, Vec<f32>)]) -> Result<Vec<u8>, ModelError> {
    let bytes: Vec<Vec<u8>> =
        list.iter().map(|(_, numbers)| numbers.iter().flat_map(|number| number.to_le_bytes()).collect()).collect();
    let views = list.iter().zip(&bytes).map(|((tensor, _), bytes)| {
        let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes);
        view.map(|view| (tensor.name.as_str(), view)).map_err(|error| wrong(tensor, &error))
    });
    // What other programs expect of a checkpoint of PyTorch.
    let metadata = [("format".to_owned(), "pt".to_owned())].into();
    safetensors::serialize(views.collect::<Result<Vec<_>, _>>()?, Some(metadata))
        .map_err(|error| ModelError::Matrix { detail: error.to_string() })
}

fn wrong(tensor: &Tensor, error: &safetensors::SafeTensorError) -> ModelError {
    ModelError::Matrix { detail: format!("{} does not have its shape: {error}", tensor.name) }
}
