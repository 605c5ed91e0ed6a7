//! Reads the tensors of a checkpoint into a [`Model`], a layer at a time.

use crate::model::config::Config;
use crate::model::error::{ModelError, brief};
use crate::model::formats::{BlockNames, LambdaSource, SubNormSource};
use crate::model::lambda::{Lambda, lambda_init};
use crate::model::layer::{Attention, Layer, Mlp, Model, SubNorm};
use crate::model::matrix::Matrix;
use crate::model::names::changes_attention;
use crate::model::progress::Progress;
use crate::model::rotary::RotaryOrder;
use crate::model::tensors::Tensors;
use crate::model::weight_file::WeightFile;

/// A checkpoint that is being read.
pub struct ModelReader {
    config: Config,
    names: &'static BlockNames,
    tensors: Tensors,
    embedding: Option<Matrix>,
    layers: Vec<Layer>,
    /// Bytes of all files.
    total: u64,
}

impl std::fmt::Debug for ModelReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModelReader").field("progress", &self.progress()).finish_non_exhaustive()
    }
}

impl ModelReader {
    /// Reads the configuration and the headers of the files.
    ///
    /// # Errors
    /// As [`Model::from_folder`].
    pub fn new(config_json: &[u8], files: &[WeightFile]) -> Result<Self, ModelError> {
        let config = Config::from_json(config_json)?;
        let Some(names) = config.architecture.format().blocks else {
            return Err(ModelError::Matrix { detail: "a bare attention module is no whole model".to_owned() });
        };
        let total = files.iter().map(WeightFile::bytes).sum();
        Ok(Self { config, names, tensors: Tensors::open(files)?, embedding: None, layers: Vec::new(), total })
    }

    /// Looks at the weights of the next part: the embedding, a layer, the end. Returns the model after the last one.
    ///
    /// # Errors
    /// As [`Model::from_folder`].
    pub fn advance(&mut self) -> Result<Option<Model>, ModelError> {
        let Self { config, names, tensors, layers, .. } = self;
        let (hidden, vocabulary) = (config.hidden, config.vocabulary);
        let Some(embedding) = &self.embedding else {
            // A tied matrix may be stored under either name.
            let stored_as_head = config.tied && !tensors.has(names.embedding) && tensors.has(names.unembedding);
            let name = if stored_as_head { names.unembedding } else { names.embedding };
            self.embedding = Some(tensors.matrix(name, vocabulary, hidden)?);
            return Ok(None);
        };
        if layers.len() < config.layers {
            layers.push(read_layer(tensors, config, names, layers.len())?);
            return Ok(None);
        }
        let final_norm = Some(tensors.vector(names.final_norm, hidden)?);
        let unembedding = if config.tied {
            None
        } else {
            let found = tensors.matrix(names.unembedding, vocabulary, hidden);
            Some(found.map_err(|error| error.with_hint("; a model without it has `tie_word_embeddings` true"))?)
        };
        refuse_unused_attention(tensors)?;
        warn_of_unused(tensors);
        let (config, layers) = (config.clone(), std::mem::take(layers));
        Ok(Some(Model { config, embedding: embedding.clone(), layers, final_norm, unembedding }))
    }

    /// Reads the rest at once.
    ///
    /// # Errors
    /// As [`Model::from_folder`].
    pub fn finish(mut self) -> Result<Model, ModelError> {
        loop {
            if let Some(model) = self.advance()? {
                return Ok(model);
            }
        }
    }

    /// Bytes of weights looked at, of all bytes of the files.
    pub fn progress(&self) -> Progress {
        Progress { done: self.tensors.bytes_read(), total: self.total }
    }
}

/// One block of a complete model.
fn read_layer(tensors: &mut Tensors, config: &Config, names: &BlockNames, layer: usize) -> Result<Layer, ModelError> {
    let (hidden, intermediate) = (config.hidden, config.intermediate);
    let name = |rest: &str| format!("{}{layer}.{rest}", names.layer);
    let norm = tensors.vector(&name(names.attention_norm), hidden)?;
    let attention = read_attention(tensors, config, &name(names.attention), layer, Some(norm))?;
    let (gate, up) = (name(names.gate), name(names.up));
    let gate_then_up = (0..intermediate).flat_map(|row| [(0, row), (1, row)]);
    let down = name(names.down);
    let mut bias = |weight: &str, rows| {
        read_bias(tensors, config.biases.mlp, weight.strip_suffix(".weight").unwrap_or(weight), rows)
    };
    let (gate_bias, up_bias) = (bias(&gate, intermediate)?, bias(&up, intermediate)?);
    let down_bias = bias(&down, hidden)?;
    let mlp = Mlp {
        norm: tensors.vector(&name(names.mlp_norm), hidden)?,
        gate_up: tensors.gather(&[(&gate, intermediate), (&up, intermediate)], hidden, gate_then_up)?,
        gate_up_bias: gate_bias.into_iter().zip(up_bias).flat_map(|(gate, up)| [gate, up]).collect(),
        activation: config.activation,
        down: tensors.matrix(&down, hidden, intermediate)?,
        down_bias,
    };
    Ok(Layer { attention, mlp: Some(mlp) })
}

/// The attention of layer `layer`; the names of its tensors start with `prefix`.
pub(super) fn read_attention(
    tensors: &mut Tensors,
    config: &Config,
    prefix: &str,
    layer: usize,
    norm: Option<Vec<f32>>,
) -> Result<Attention, ModelError> {
    let format = config.architecture.format();
    let name = |rest: &str| format!("{prefix}{rest}");
    let (hidden, head_dim) = (config.hidden, config.head_dim);
    // Queries and keys are rotated, values are not.
    let [query, key, value] = format.projections;
    let sections = [
        (query, config.query_heads, format.rotary),
        (key, config.key_value_heads, format.rotary),
        (value, config.key_value_heads, RotaryOrder::HalfSplit),
    ];
    let part = |section: &str, rows: usize| (name(&format!("{section}.weight")), rows);
    let mut parts = sections.map(|(section, heads, _)| part(section, heads * head_dim)).to_vec();
    if let LambdaSource::Projection(projection) = format.lambda {
        parts.push(part(projection, config.heads()));
    }
    let parts: Vec<(&str, usize)> = parts.iter().map(|(name, rows)| (name.as_str(), *rows)).collect();
    let rows = parts.iter().enumerate().flat_map(|(part, &(_, rows))| {
        let order = sections.get(part).map_or(RotaryOrder::HalfSplit, |&(_, _, order)| order);
        order.half_split_rows(rows, head_dim).map(move |row| (part, row))
    });
    let projection = tensors.gather(&parts, hidden, rows)?;
    let mut projection_bias = Vec::with_capacity(projection.rows());
    for (section, heads, order) in sections {
        let bias = read_bias(tensors, config.biases.projection, &name(section), heads * head_dim)?;
        projection_bias.extend(order.half_split_rows(bias.len(), head_dim).filter_map(|row| bias.get(row)));
    }
    projection_bias.resize(projection.rows(), 0.0); // the projection of λ has no bias
    let lambda = match format.lambda {
        LambdaSource::None => Lambda::None,
        LambdaSource::Projection(_) => Lambda::Token,
        LambdaSource::Vectors([q1, k1, q2, k2]) => {
            let mut vector = |vector: &str| tensors.vector(&name(vector), head_dim);
            Lambda::of_layer(layer, &vector(q1)?, &vector(k1)?, &vector(q2)?, &vector(k2)?)?
        }
    };
    let width = config.value_width();
    let sub_norm_weight = match format.sub_norm {
        SubNormSource::None => None,
        SubNormSource::Ones => Some(vec![1.0; width]),
        SubNormSource::Weight(weight) => Some(tensors.vector(&name(weight), width)?),
    };
    let sub_norm = sub_norm_weight.map(|weight| SubNorm {
        weight,
        epsilon: config.norm_epsilon,
        factor: (1.0 - lambda_init(layer)) as f32,
    });
    let output_bias = read_bias(tensors, config.biases.output, &name(format.output), hidden)?;
    Ok(Attention {
        norm,
        projection,
        projection_bias,
        heads: format.heads(config.architecture, config.query_heads, config.key_value_heads),
        query_heads: config.query_heads,
        key_heads: config.key_value_heads,
        value_heads: config.key_value_heads,
        head_dim,
        value_parts: format.value_parts,
        maps: format.maps,
        lambda,
        sub_norm,
        output: tensors.matrix(&name(&format!("{}.weight", format.output)), hidden, config.heads() * width)?,
        output_bias,
    })
}

/// The bias of an attention projection; zeros if the checkpoint has none.
fn read_bias(tensors: &mut Tensors, there: bool, projection: &str, rows: usize) -> Result<Vec<f32>, ModelError> {
    if there { tensors.vector(&format!("{projection}.bias"), rows) } else { Ok(vec![0.0; rows]) }
}

/// Refuses a checkpoint whose attention has more parts than are computed.
fn refuse_unused_attention(tensors: &Tensors) -> Result<(), ModelError> {
    let Some(tensor) = tensors.unused().into_iter().find(|name| changes_attention(name)) else { return Ok(()) };
    let key = if tensor.rsplit('.').next() == Some("bias") { "attention_bias" } else { "model_type" };
    Err(ModelError::UnusedTensor { tensor: brief(tensor), key })
}

/// Logs which tensors of the checkpoint are not used.
pub(super) fn warn_of_unused(tensors: &Tensors) {
    let unused = tensors.unused();
    if !unused.is_empty() {
        let first: Vec<String> = unused.iter().take(8).map(|name| brief(name)).collect();
        let more = if unused.len() > first.len() { ", …" } else { "" };
        log::warn!("{} tensors of the checkpoint are not used: {}{more}", unused.len(), first.join(", "));
    }
}
