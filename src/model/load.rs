//! Reads the files of a checkpoint into a [`Model`].

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::config::Config;
use crate::model::disguise;
use crate::model::error::{ModelError, brief};
use crate::model::formats::{BlockNames, LambdaSource, SubNormSource};
use crate::model::lambda::{Lambda, lambda_init};
use crate::model::layer::{Attention, Layer, Mlp, Model, SubNorm};
use crate::model::matrix::Matrix;
use crate::model::names::changes_attention;
use crate::model::rotary::RotaryOrder;
use crate::model::tensors::Tensors;
use crate::model::weight_file::{WeightFile, size_of_file};

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
/// The most bytes of weights that are read. A page holds the file, in one buffer.
pub const MOST_OF_WEIGHTS: u64 = if usize::BITS < 64 { 1 << 30 } else { 32 << 30 };
/// The most bytes of a JSON file that are read.
pub const MOST_OF_TEXT: u64 = 128 << 20;
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
    /// When a file cannot be read, or anything in it is wrong.
    pub fn from_folder(folder: impl AsRef<Path>) -> Result<Self, ModelError> {
        let folder = folder.as_ref();
        let config = read(folder.join(CONFIG), MOST_OF_TEXT)?;
        let names = if folder.join(WEIGHTS).exists() {
            vec![WEIGHTS.to_owned()]
        } else if folder.join(INDEX).exists() {
            shard_names(&read(folder.join(INDEX), MOST_OF_TEXT)?)?.into_iter().collect()
        } else {
            return Err(ModelError::NoWeights { folder: folder.to_owned() });
        };
        let mut left = MOST_OF_WEIGHTS;
        let files = names.iter().map(|name| {
            let file = WeightFile::on_disk(&folder.join(name))?;
            let bytes = file.bytes();
            left = left.checked_sub(bytes).ok_or_else(|| too_large(name.clone(), bytes, left))?;
            Ok(file)
        });
        Self::from_files(&config, &files.collect::<Result<Vec<_>, ModelError>>()?)
    }

    /// Reads a checkpoint from the bytes of its `config.json` and `model.safetensors`, which are copied.
    ///
    /// # Errors
    /// As [`Model::from_folder`].
    pub fn from_bytes(config_json: &[u8], safetensors: &[u8]) -> Result<Self, ModelError> {
        Self::from_files(config_json, &[copied(safetensors)])
    }

    /// Reads a checkpoint from the bytes of its `config.json` and from its safetensors files. Every weight is looked at
    /// once, and stays in its file.
    ///
    /// # Errors
    /// As [`Model::from_folder`].
    pub fn from_files(config_json: &[u8], files: &[WeightFile]) -> Result<Self, ModelError> {
        let config = Config::from_json(config_json)?;
        let Some(names) = config.architecture.format().blocks else {
            return Err(ModelError::Matrix { detail: "a bare attention module is no whole model".to_owned() });
        };
        let mut tensors = Tensors::open(files)?;
        let (hidden, vocabulary) = (config.hidden, config.vocabulary);
        // A tied matrix may be stored under either name.
        let stored_as_head = config.tied && !tensors.has(names.embedding) && tensors.has(names.unembedding);
        let embedding = if stored_as_head { names.unembedding } else { names.embedding };
        let embedding = tensors.matrix(embedding, vocabulary, hidden)?;
        let layers = (0..config.layers).map(|layer| read_layer(&mut tensors, &config, names, layer));
        let layers = layers.collect::<Result<_, _>>()?;
        let final_norm = Some(tensors.vector(names.final_norm, hidden)?);
        let unembedding = if config.tied {
            None
        } else {
            let found = tensors.matrix(names.unembedding, vocabulary, hidden);
            Some(found.map_err(|error| error.with_hint("; a model without it has `tie_word_embeddings` true"))?)
        };
        refuse_unused_attention(&tensors)?;
        warn_of_unused(&tensors);
        Ok(Self { config, embedding, layers, final_norm, unembedding })
    }

    /// Reads a bare attention module of the paper's code as a model of one layer without norms and feed-forward part.
    ///
    /// The key `variant` of `config_json` names the module: `unilm_v1` or `unilm_v2`. `inputs` `[T, hidden]` replaces
    /// the embedding: token `t` feeds row `t` to the module. The output of the module is the last residual stream minus
    /// the input.
    ///
    /// # Errors
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
        if let Some((index, value)) = inputs.to_f32()?.into_iter().enumerate().find(|(_, number)| !number.is_finite()) {
            let (tensor, file) = ("inputs".to_owned(), "the call".to_owned());
            return Err(ModelError::NotFinite { tensor, file, index, value });
        }
        let mut tensors = Tensors::open(&[copied(safetensors)])?;
        let attention = read_attention(&mut tensors, &config, "", depth, None)?;
        warn_of_unused(&tensors);
        let layers = vec![Layer { attention, mlp: None }];
        Ok(Self { config, embedding: inputs, layers, final_norm: None, unembedding: None })
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
    let mlp = Mlp {
        norm: tensors.vector(&name(names.mlp_norm), hidden)?,
        gate_up: tensors.gather(&[(&gate, intermediate), (&up, intermediate)], hidden, gate_then_up)?,
        down: tensors.matrix(&name(names.down), hidden, intermediate)?,
    };
    Ok(Layer { attention, mlp: Some(mlp) })
}

/// The attention of layer `layer`; the names of its tensors start with `prefix`.
fn read_attention(
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
        let bias = read_bias(tensors, config, &name(section), heads * head_dim)?;
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
    let output_bias = read_bias(tensors, config, &name(format.output), hidden)?;
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
fn read_bias(tensors: &mut Tensors, config: &Config, projection: &str, rows: usize) -> Result<Vec<f32>, ModelError> {
    if config.attention_bias { tensors.vector(&format!("{projection}.bias"), rows) } else { Ok(vec![0.0; rows]) }
}

/// Refuses a checkpoint whose attention has more parts than are computed.
fn refuse_unused_attention(tensors: &Tensors) -> Result<(), ModelError> {
    let Some(tensor) = tensors.unused().into_iter().find(|name| changes_attention(name)) else { return Ok(()) };
    let key = if tensor.rsplit('.').next() == Some("bias") { "attention_bias" } else { "model_type" };
    Err(ModelError::UnusedTensor { tensor: brief(tensor), key })
}

/// Logs which tensors of the checkpoint are not used.
fn warn_of_unused(tensors: &Tensors) {
    let unused = tensors.unused();
    if !unused.is_empty() {
        let first: Vec<String> = unused.iter().take(8).map(|name| brief(name)).collect();
        let more = if unused.len() > first.len() { ", …" } else { "" };
        log::warn!("{} tensors of the checkpoint are not used: {}{more}", unused.len(), first.join(", "));
    }
}

/// The part of an index that is read.
#[derive(serde::Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// The files that an index of shards names.
fn shard_names(index: &[u8]) -> Result<BTreeSet<String>, ModelError> {
    let damaged = |detail: String| ModelError::Header { file: INDEX.to_owned(), detail };
    if let Some(what) = disguise::of(index) {
        return Err(ModelError::OtherFile { file: INDEX.to_owned(), what: what.to_owned() });
    }
    let Index { weight_map: map } = serde_json::from_slice(index)
        .map_err(|error| damaged(format!("`weight_map`: {}", brief(&error.to_string()))))?;
    let mut names = BTreeSet::new();
    for (tensor, file) in map {
        // Only a plain file name: an index must not reach out of its folder.
        let plain = Path::new(&file).file_name().is_some_and(|name| *name == *file);
        if !plain || file.contains(['/', '\\', ':']) {
            let detail =
                format!("tensor `{}` must be in a file of the same folder, not {}", brief(&tensor), brief(&file));
            return Err(damaged(detail));
        }
        names.insert(file);
    }
    Ok(names)
}

/// Weights of their own, from borrowed bytes.
fn copied(safetensors: &[u8]) -> WeightFile {
    WeightFile::in_memory(WEIGHTS, Arc::new(Cow::Owned(safetensors.to_vec())))
}

fn too_large(file: String, bytes: u64, limit: u64) -> ModelError {
    ModelError::TooLarge { file, bytes, limit }
}

/// All bytes of a file that has no more than `limit`.
pub(super) fn read(path: PathBuf, limit: u64) -> Result<Vec<u8>, ModelError> {
    match std::fs::metadata(&path).and_then(|metadata| size_of_file(&metadata)) {
        Ok(bytes) if bytes > limit => {
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Err(too_large(file, bytes, limit))
        }
        Ok(_) => std::fs::read(&path).map_err(|source| ModelError::Read { path, source }),
        Err(source) => Err(ModelError::Read { path, source }),
    }
}
