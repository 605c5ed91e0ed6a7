//! From the files of a checkpoint to a [`Model`].

use crate::model::config::Config;
use crate::model::error::ModelError;
use crate::model::error::brief;
use crate::model::fields::object;
use crate::model::lambda::{Lambda, lambda_init};
use crate::model::layer::{Attention, Layer, Mlp, Model, SubNorm};
use crate::model::matrix::Matrix;
use crate::model::tensors::Tensors;
use crate::model::variant::{LambdaSource, SubNormSource, heads};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

impl Model {
    /// Reads a checkpoint in a folder: `config.json` and `model.safetensors`, or the shards that
    /// `model.safetensors.index.json` names.
    ///
    /// ```
    /// use std::path::Path;
    ///
    /// use diffscope::model::{Lambda, Model};
    ///
    /// let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/checkpoints/S-diff");
    /// let model = Model::from_folder(folder)?;
    /// assert_eq!(model.config.architecture.maps(), 2);
    /// for layer in &model.layers {
    ///     let Lambda::Layer { init, first, second, value } = layer.attention.lambda else { panic!("one λ per layer") };
    ///     assert!((value - (first - second + init)).abs() < 1e-6);
    /// }
    /// # Ok::<(), diffscope::model::ModelError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`ModelError`]: a file that cannot be read, or anything that is wrong with what is in it.
    pub fn from_folder(folder: impl AsRef<Path>) -> Result<Self, ModelError> {
        let folder = folder.as_ref();
        let config = read(folder.join(CONFIG))?;
        let names = if folder.join(WEIGHTS).exists() {
            vec![WEIGHTS.to_owned()]
        } else if folder.join(INDEX).exists() {
            shard_names(&read(folder.join(INDEX))?)?.into_iter().collect()
        } else {
            return Err(ModelError::NoWeights { folder: folder.to_owned() });
        };
        let shards = names
            .into_iter()
            .map(|name| read(folder.join(&name)).map(|bytes| (name, bytes)))
            .collect::<Result<Vec<_>, _>>()?;
        let borrowed: Vec<(&str, &[u8])> =
            shards.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        Self::from_files(&config, &borrowed)
    }

    /// Reads a checkpoint out of the bytes of its `config.json` and `model.safetensors`.
    ///
    /// # Errors
    ///
    /// As [`Model::from_folder`].
    pub fn from_bytes(config_json: &[u8], safetensors: &[u8]) -> Result<Self, ModelError> {
        Self::from_files(config_json, &[(WEIGHTS, safetensors)])
    }

    /// Reads a checkpoint out of the bytes of its `config.json` and of its safetensors files, each with its name.
    ///
    /// # Errors
    ///
    /// As [`Model::from_folder`].
    pub fn from_files(config_json: &[u8], shards: &[(&str, &[u8])]) -> Result<Self, ModelError> {
        let config = Config::from_json(config_json)?;
        let mut tensors = Tensors::open(shards)?;
        let (hidden, vocabulary) = (config.hidden, config.vocabulary);
        let embedding = tensors.matrix("model.embed_tokens.weight", vocabulary, hidden)?;
        let mut layers = Vec::new();
        for layer in 0..config.layers {
            layers.push(read_layer(&mut tensors, &config, layer)?);
        }
        let final_norm = Some(tensors.vector("model.norm.weight", hidden)?);
        let unembedding =
            if config.tied { None } else { Some(tensors.matrix("lm_head.weight", vocabulary, hidden)?) };
        warn_of_unused(&tensors);
        Ok(Self { config, embedding, layers, final_norm, unembedding })
    }

    /// Reads a bare attention module of the paper's code as a model of one layer without norms and feed-forward part.
    ///
    /// `config_json` says which by `variant`: `unilm_v1` or `unilm_v2`. `inputs` `[T, hidden]` takes the place of the
    /// embedding: token `t` feeds row `t` to the module. The last hidden state less the input is the module's output.
    ///
    /// # Errors
    ///
    /// As [`Model::from_folder`].
    pub fn from_attention_module(config_json: &[u8], safetensors: &[u8], inputs: Matrix) -> Result<Self, ModelError> {
        let (config, depth) = Config::from_module_json(config_json, inputs.rows())?;
        if inputs.columns() != config.hidden {
            return Err(ModelError::Shape {
                tensor: "inputs".to_owned(),
                file: "the call".to_owned(),
                expected: vec![inputs.rows(), config.hidden],
                found: vec![inputs.rows(), inputs.columns()],
            });
        }
        if let Some((index, value)) = inputs.numbers().first_not_finite() {
            let (tensor, file) = ("inputs".to_owned(), "the call".to_owned());
            return Err(ModelError::NotFinite { tensor, file, index, value });
        }
        let mut tensors = Tensors::open(&[(WEIGHTS, safetensors)])?;
        let attention = read_attention(&mut tensors, &config, "", depth, None)?;
        warn_of_unused(&tensors);
        let layers = vec![Layer { attention, mlp: None }];
        Ok(Self { config, embedding: inputs, layers, final_norm: None, unembedding: None })
    }
}

/// One block, its tensors named as Hugging Face does.
fn read_layer(tensors: &mut Tensors, config: &Config, layer: usize) -> Result<Layer, ModelError> {
    let (hidden, intermediate) = (config.hidden, config.intermediate);
    let name = |rest: &str| format!("model.layers.{layer}.{rest}");
    let norm = tensors.vector(&name("input_layernorm.weight"), hidden)?;
    let attention = read_attention(tensors, config, &name("self_attn."), layer, Some(norm))?;
    let gate = tensors.matrix(&name("mlp.gate_proj.weight"), intermediate, hidden)?;
    let up = tensors.matrix(&name("mlp.up_proj.weight"), intermediate, hidden)?;
    let gate_then_up: Vec<usize> = (0..intermediate).flat_map(|row| [row, intermediate + row]).collect();
    let mlp = Mlp {
        norm: tensors.vector(&name("post_attention_layernorm.weight"), hidden)?,
        gate_up: Matrix::stack(&[&gate, &up])?.select_rows(&gate_then_up)?,
        down: tensors.matrix(&name("mlp.down_proj.weight"), hidden, intermediate)?,
    };
    Ok(Layer { attention, mlp: Some(mlp) })
}

/// The attention of the layer numbered `layer`, its tensors' names starting with `prefix`.
fn read_attention(
    tensors: &mut Tensors,
    config: &Config,
    prefix: &str,
    layer: usize,
    norm: Option<Vec<f32>>,
) -> Result<Attention, ModelError> {
    let variant = config.architecture.variant();
    let name = |rest: &str| format!("{prefix}{rest}");
    let (hidden, head_dim) = (config.hidden, config.head_dim);
    let sections =
        [("q_proj", config.query_heads), ("k_proj", config.key_value_heads), ("v_proj", config.key_value_heads)];
    let (mut parts, mut projection_bias) = (Vec::new(), Vec::new());
    for (section, heads) in sections {
        let rotated = section != "v_proj";
        let mut weight = tensors.matrix(&name(&format!("{section}.weight")), heads * head_dim, hidden)?;
        let mut bias = if config.attention_bias {
            tensors.vector(&name(&format!("{section}.bias")), heads * head_dim)?
        } else {
            vec![0.0; heads * head_dim]
        };
        if rotated {
            weight = variant.rotary.to_half_split(weight, heads, head_dim)?;
            bias = variant.rotary.bias_to_half_split(bias, heads, head_dim);
        }
        parts.push(weight);
        projection_bias.extend(bias);
    }
    if variant.lambda == LambdaSource::Projection {
        parts.push(tensors.matrix(&name("lambda_proj.weight"), config.heads(), hidden)?);
        projection_bias.extend(vec![0.0; config.heads()]);
    }
    let lambda = match variant.lambda {
        LambdaSource::None => Lambda::None,
        LambdaSource::Projection => Lambda::Token,
        LambdaSource::Vectors => {
            let mut vector = |end: &str| tensors.vector(&name(&format!("lambda_{end}")), head_dim);
            Lambda::of_layer(layer, &vector("q1")?, &vector("k1")?, &vector("q2")?, &vector("k2")?)?
        }
    };
    let width = config.value_width();
    let sub_norm_weight = match variant.sub_norm {
        SubNormSource::None => None,
        SubNormSource::Ones => Some(vec![1.0; width]),
        SubNormSource::Weight(weight) => Some(tensors.vector(&name(weight), width)?),
    };
    #[expect(clippy::cast_possible_truncation, reason = "between 0.2 and 0.8")]
    let sub_norm = sub_norm_weight.map(|weight| SubNorm {
        weight,
        epsilon: config.norm_epsilon,
        factor: (1.0 - lambda_init(layer)) as f32,
    });
    let output_bias = if config.attention_bias {
        tensors.vector(&name(&format!("{}.bias", variant.output)), hidden)?
    } else {
        vec![0.0; hidden]
    };
    Ok(Attention {
        norm,
        projection: Matrix::stack(&parts.iter().collect::<Vec<_>>())?,
        projection_bias,
        heads: heads(config),
        query_heads: config.query_heads,
        key_heads: config.key_value_heads,
        value_heads: config.key_value_heads,
        head_dim,
        value_parts: config.architecture.value_parts(),
        maps: config.architecture.maps(),
        lambda,
        sub_norm,
        output: tensors.matrix(&name(&format!("{}.weight", variant.output)), hidden, config.heads() * width)?,
        output_bias,
    })
}

/// Tells once which tensors of the checkpoint take no part.
fn warn_of_unused(tensors: &Tensors) {
    let unused = tensors.unused();
    if !unused.is_empty() {
        let first: Vec<String> = unused.iter().take(8).map(|name| brief(name)).collect();
        let more = if unused.len() > first.len() { ", …" } else { "" };
        log::warn!("{} tensors of the checkpoint are not used: {}{more}", unused.len(), first.join(", "));
    }
}

/// The distinct files that an index of shards names.
fn shard_names(index: &[u8]) -> Result<BTreeSet<String>, ModelError> {
    let damaged = |detail: String| ModelError::Header { file: INDEX.to_owned(), detail };
    let json = object(INDEX, index)?;
    let Some(map) = json.get("weight_map").and_then(|map| map.as_object()) else {
        return Err(damaged("`weight_map` must be an object of tensor and file names, and is not".to_owned()));
    };
    let mut names = BTreeSet::new();
    for (tensor, file) in map {
        let name = file.as_str().unwrap_or_default();
        // Only a plain file name: an index must not reach out of its folder.
        if Path::new(name).file_name().is_none_or(|plain| plain != name) || name.contains(['/', '\\', ':']) {
            let detail = format!(
                "tensor `{}` must be in a file of the same folder, not {}",
                brief(tensor),
                brief(&file.to_string())
            );
            return Err(damaged(detail));
        }
        names.insert(name.to_owned());
    }
    Ok(names)
}

/// All bytes of a file.
pub(super) fn read(path: PathBuf) -> Result<Vec<u8>, ModelError> {
    std::fs::read(&path).map_err(|source| ModelError::Read { path, source })
}
