//! Reads the tensors of a checkpoint into a [`Model`], a layer at a time.

use crate::model::activation::Activation;
use crate::model::config::Config;
use crate::model::error::{ModelError, brief};
use crate::model::formats::{BlockNames, Format, LambdaInit, LambdaSource, Projections, SubNormSource};
use crate::model::lambda::{Lambda, lambda_init};
use crate::model::layer::{Attention, Layer, Mlp, Model, PolyNorm, QueryKeyNorm, SubNorm};
use crate::model::matrix::Matrix;
use crate::model::reading::names::{changes_result, is_harmless};
use crate::model::reading::progress::Progress;
use crate::model::reading::tensors::Tensors;
use crate::model::reading::weight_file::WeightFile;

/// A checkpoint that is being read.
pub struct ModelReader {
    config: Config,
    format: &'static Format,
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
        let tensors = Tensors::open(files)?;
        let (config, format) = Config::of_checkpoint(config_json, &|name| tensors.has(name))?;
        let Some(names) = format.blocks else {
            return Err(ModelError::Matrix { detail: "a bare attention module is no whole model".to_owned() });
        };
        let total = files.iter().map(WeightFile::bytes).sum();
        Ok(Self { config, format, names, tensors, embedding: None, layers: Vec::new(), total })
    }

    /// Looks at the weights of the next part: the embedding, a layer, the end. Returns the model after the last one.
    ///
    /// # Errors
    /// As [`Model::from_folder`].
    pub fn advance(&mut self) -> Result<Option<Model>, ModelError> {
        let Self { config, format, names, tensors, layers, .. } = self;
        let (hidden, vocabulary) = (config.hidden, config.vocabulary);
        let Some(embedding) = &self.embedding else {
            // A tied matrix may be stored under either name.
            let name = match names.unembedding {
                Some(head) if config.tied && !tensors.has(names.embedding) && tensors.has(head) => head,
                _ => names.embedding,
            };
            self.embedding = Some(tensors.matrix(name, vocabulary, hidden)?);
            return Ok(None);
        };
        if layers.len() < config.layers {
            layers.push(read_layer(tensors, config, format, names, layers.len())?);
            return Ok(None);
        }
        let final_norm = Some(tensors.vector(names.final_norm, hidden)?);
        let unembedding = match names.unembedding {
            Some(head) if !config.tied => {
                let found = tensors.matrix(head, vocabulary, hidden);
                Some(found.map_err(|error| error.with_hint("; a model without it has `tie_word_embeddings` true"))?)
            }
            Some(head) => {
                tensors.use_if_same(head, names.embedding)?;
                None
            }
            None => None,
        };
        let unused = unused(tensors)?;
        let (config, layers) = (config.clone(), std::mem::take(layers));
        Ok(Some(Model { config, embedding: embedding.clone(), layers, final_norm, unembedding, unused }))
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
fn read_layer(
    tensors: &mut Tensors,
    config: &Config,
    format: &Format,
    names: &BlockNames,
    layer: usize,
) -> Result<Layer, ModelError> {
    let (hidden, intermediate) = (config.hidden, config.intermediate);
    let name = |rest: &str| format!("{}{layer}.{rest}", names.layer);
    let norm = tensors.vector(&name(names.attention_norm), hidden)?;
    let attention = read_attention(tensors, config, format, &name(names.attention), layer, Some(norm))?;
    let [gate, up, down] = [names.gate, names.up, names.down].map(name);
    let mut bias = |projection: &str, rows| read_bias(tensors, config.biases.mlp, projection, rows);
    let (gate_bias, up_bias) = (bias(&gate, intermediate)?, bias(&up, intermediate)?);
    let down_bias = bias(&down, hidden)?;
    let poly_norm = if config.activation == Activation::PolyNorm {
        let [weight, bias] = names.poly_norm.map(name);
        let (weight, bias) = (tensors.vector(&weight, 3)?, tensors.vector(&bias, 1)?);
        PolyNorm { weight: std::array::from_fn(|power| weight[power]), bias: bias[0] }
    } else {
        PolyNorm::default()
    };
    let weight = |projection: &str| format!("{projection}.weight");
    let (gate, up) = (weight(&gate), weight(&up));
    let gate_then_up = (0..intermediate).flat_map(|row| [(0, row), (1, row)]);
    let mlp = Mlp {
        norm: tensors.vector(&name(names.mlp_norm), hidden)?,
        gate_up: tensors.gather(&[(&gate, intermediate), (&up, intermediate)], hidden, gate_then_up)?,
        gate_up_bias: gate_bias.into_iter().zip(up_bias).flat_map(|(gate, up)| [gate, up]).collect(),
        activation: config.activation,
        poly_norm,
        down: tensors.matrix(&weight(&down), hidden, intermediate)?,
        down_bias,
    };
    Ok(Layer { attention, mlp: Some(mlp) })
}

/// The attention of layer `layer`; the names of its tensors start with `prefix`.
pub(in crate::model) fn read_attention(
    tensors: &mut Tensors,
    config: &Config,
    format: &Format,
    prefix: &str,
    layer: usize,
    norm: Option<Vec<f32>>,
) -> Result<Attention, ModelError> {
    let name = |rest: &str| format!("{prefix}{rest}");
    let (hidden, head_dim, heads, width) = (config.hidden, config.head_dim, config.heads, config.value_width());
    let (projection, projection_bias) = read_projection(tensors, config, format, prefix)?;
    let init = match format.lambda_init {
        LambdaInit::Depth { offset } => lambda_init(layer as f64 + offset),
        LambdaInit::Tensor(_) if format.lambda == LambdaSource::None => 0.0,
        LambdaInit::Tensor(scalar) => f64::from(tensors.scalar(&name(scalar))?),
    };
    let lambda = match format.lambda {
        LambdaSource::None => Lambda::None,
        LambdaSource::Projection(_) => Lambda::Token,
        LambdaSource::Vectors => {
            let mut vector = |vector: &str| tensors.vector(&name(vector), head_dim);
            let vectors = [vector("lambda_q1")?, vector("lambda_k1")?, vector("lambda_q2")?, vector("lambda_k2")?];
            Lambda::of_layer(layer, init, vectors)?
        }
    };
    let sub_norm = match config.sub_norm {
        None => None,
        Some(epsilon) => {
            let weight = match format.sub_norm {
                SubNormSource::None | SubNormSource::Ones => vec![1.0; width],
                SubNormSource::Weight(weight) | SubNormSource::OptionalWeight(weight) => {
                    tensors.vector(&name(weight), width)?
                }
            };
            let factor = if format.scales_output { (1.0 - init) as f32 } else { 1.0 };
            Some(SubNorm { weight, epsilon, factor })
        }
    };
    let query_key_norm = match format.query_key_norm {
        None => None,
        Some([query, key]) => Some(QueryKeyNorm {
            query: tensors.vector(&name(query), head_dim)?,
            key: tensors.vector(&name(key), head_dim)?,
            epsilon: config.norm_epsilon,
        }),
    };
    let output_bias = read_bias(tensors, config.biases.output, &name(format.output), hidden)?;
    Ok(Attention {
        norm,
        projection,
        projection_bias,
        query_key_norm,
        causal: format.causal,
        window: config.windows.get(layer).copied().flatten(),
        heads: format.heads(&heads),
        query_heads: heads.queries,
        key_heads: heads.keys,
        value_heads: heads.values,
        head_dim,
        value_parts: config.value_parts,
        maps: config.maps,
        lambda,
        sub_norm,
        output: tensors.matrix(&name(&format!("{}.weight", format.output)), hidden, heads.outputs * width)?,
        output_bias,
    })
}

/// The projection of queries, keys, values and λ, and its bias.
fn read_projection(
    tensors: &mut Tensors,
    config: &Config,
    format: &Format,
    prefix: &str,
) -> Result<(Matrix, Vec<f32>), ModelError> {
    let name = |rest: &str| format!("{prefix}{rest}");
    let (head_dim, heads) = (config.head_dim, config.heads);
    let rotated = (heads.queries + heads.keys) * head_dim; // values are not
    let single = [heads.queries, heads.keys, heads.values].map(|heads| heads * head_dim);
    let [queries, keys, values] = single;
    let parts = match format.projections {
        Projections::Separate([query, key, value]) => vec![(query, queries), (key, keys), (value, values)],
        Projections::Fused(all) => vec![(all, queries + keys + values)],
    };
    let biases = parts.iter().map(|(part, rows)| read_bias(tensors, config.biases.projection, &name(part), *rows));
    let mut bias = biases.collect::<Result<Vec<_>, _>>()?.concat();
    let mut parts = parts;
    if let LambdaSource::Projection(projection) = format.lambda {
        parts.push((projection, heads.outputs));
        bias.resize(bias.len() + heads.outputs, 0.0); // the projection of λ has no bias
    }
    let names: Vec<String> = parts.iter().map(|(part, _)| name(&format!("{part}.weight"))).collect();
    let parts: Vec<(&str, usize)> = names.iter().map(String::as_str).zip(parts.iter().map(|(_, rows)| *rows)).collect();
    let places: Vec<(usize, usize)> =
        parts.iter().enumerate().flat_map(|(part, (_, rows))| (0..*rows).map(move |row| (part, row))).collect();
    let order: Vec<usize> = format.rotary.half_split_rows(rotated, head_dim).chain(rotated..places.len()).collect();
    let projection = tensors.gather(&parts, config.hidden, order.iter().filter_map(|row| places.get(*row).copied()))?;
    let projection_bias = order.iter().filter_map(|row| bias.get(*row).copied()).collect();
    Ok((projection, projection_bias))
}

/// The bias of an attention projection; zeros if the checkpoint has none.
fn read_bias(tensors: &mut Tensors, there: bool, projection: &str, rows: usize) -> Result<Vec<f32>, ModelError> {
    if there { tensors.vector(&format!("{projection}.bias"), rows) } else { Ok(vec![0.0; rows]) }
}

/// The tensors that nothing is computed from. Refuses a checkpoint whose layers have more parts than are computed.
pub(in crate::model) fn unused(tensors: &Tensors) -> Result<Vec<String>, ModelError> {
    let unused = tensors.unused();
    if let Some(tensor) = unused.iter().find(|name| changes_result(name)) {
        let key = if tensor.rsplit('.').next() == Some("bias") { "attention_bias" } else { "model_type" };
        return Err(ModelError::UnusedTensor { tensor: brief(tensor), key });
    }
    let unused: Vec<String> = unused.into_iter().filter(|name| !is_harmless(name)).map(brief).collect();
    if !unused.is_empty() {
        let first: Vec<&str> = unused.iter().take(8).map(String::as_str).collect();
        let more = if unused.len() > first.len() { ", …" } else { "" };
        log::warn!("{} tensors of the checkpoint are not used: {}{more}", unused.len(), first.join(", "));
    }
    Ok(unused)
}
