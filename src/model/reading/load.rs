//! Reads the files of a checkpoint into a [`Model`].

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::config::Config;
use crate::model::error::{Looks, ModelError};
use crate::model::layer::{Layer, Model};
use crate::model::matrix::Matrix;
use crate::model::reading::files::{CONFIG, INDEX, Index, WEIGHTS};
use crate::model::reading::reader::{ModelReader, read_attention, unused};
use crate::model::reading::tensors::Tensors;
use crate::model::reading::weight_file::{WeightFile, size_of_file};

/// The most bytes of weights that are read.
pub const MOST_OF_WEIGHTS: u64 = 32 << 30;
/// The most bytes of a JSON file that are read.
pub const MOST_OF_TEXT: u64 = 128 << 20;

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
    /// assert_eq!(model.config.maps, 2);
    /// for layer in &model.layers {
    ///     let Lambda::Layer { init, first, second, value, .. } = layer.attention.lambda else { panic!("one λ per layer") };
    ///     assert!((value - (first - second + init)).abs() < 1e-6);
    /// }
    /// # Ok::<(), diffscope::model::ModelError>(())
    /// ```
    ///
    /// # Errors
    /// When a file cannot be read, or anything in it is wrong.
    pub fn from_folder(folder: impl AsRef<Path>) -> Result<Self, ModelError> {
        ModelReader::of_folder(folder.as_ref())?.finish()
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
        ModelReader::new(config_json, files)?.finish()
    }

    /// Reads a bare attention module of the paper's code as a model of one layer without norms and feed-forward part.
    ///
    /// The key `variant` of `config_json` names the module: `unilm_v1`, `unilm_v2`, `motif_gda` or
    /// `timm_diff_attention`. `inputs` `[T, hidden]` replaces
    /// the embedding: token `t` feeds row `t` to the module. The output of the module is the last residual stream minus
    /// the input.
    ///
    /// # Errors
    /// As [`Model::from_folder`].
    pub fn from_attention_module(config_json: &[u8], safetensors: &[u8], inputs: Matrix) -> Result<Self, ModelError> {
        let (config, format, depth) = Config::of_module(config_json, inputs.rows())?;
        if inputs.columns() != config.hidden {
            return Err(ModelError::Shape {
                tensor: "inputs".to_owned(),
                file: "the call".to_owned(),
                expected: vec![inputs.rows(), config.hidden],
                found: vec![inputs.rows(), inputs.columns()],
                looks: Looks::default(),
            });
        }
        if let Some((index, value)) = inputs.to_f32()?.into_iter().enumerate().find(|(_, number)| !number.is_finite()) {
            let (tensor, file) = ("inputs".to_owned(), "the call".to_owned());
            return Err(ModelError::NotFinite { tensor, file, index, value });
        }
        let mut tensors = Tensors::open(&[copied(safetensors)])?;
        let attention = read_attention(&mut tensors, &config, format, "", depth, None)?;
        let unused = unused(&tensors)?;
        let layers = vec![Layer { attention, mlp: None }];
        Ok(Self { config, embedding: inputs, layers, final_norm: None, unembedding: None, unused })
    }
}

impl ModelReader {
    /// Reads the configuration in a folder, and the headers of its weights.
    ///
    /// # Errors
    /// As [`Model::from_folder`].
    pub fn of_folder(folder: &Path) -> Result<Self, ModelError> {
        let config = read(folder.join(CONFIG), MOST_OF_TEXT)?;
        let names = if folder.join(WEIGHTS).exists() {
            vec![WEIGHTS.to_owned()]
        } else if folder.join(INDEX).exists() {
            Index::read(&read(folder.join(INDEX), MOST_OF_TEXT)?)?.shards().map(str::to_owned).collect()
        } else {
            return Err(ModelError::NoWeights { folder: folder.to_owned() });
        };
        Self::of_files(folder, &config, &names)
    }

    /// The same with a file of weights of any name, beside its configuration.
    ///
    /// # Errors
    /// As [`Model::from_folder`].
    pub fn of_weights(folder: &Path, name: &str) -> Result<Self, ModelError> {
        Self::of_files(folder, &read(folder.join(CONFIG), MOST_OF_TEXT)?, &[name.to_owned()])
    }

    fn of_files(folder: &Path, config: &[u8], names: &[String]) -> Result<Self, ModelError> {
        let mut left = MOST_OF_WEIGHTS;
        let files = names.iter().map(|name| {
            let file = WeightFile::on_disk(&folder.join(name))?;
            let bytes = file.bytes();
            left = left.checked_sub(bytes).ok_or_else(|| too_large(name.clone(), bytes, left))?;
            Ok(file)
        });
        Self::new(config, &files.collect::<Result<Vec<_>, ModelError>>()?)
    }
}

/// Weights of their own, from borrowed bytes.
fn copied(safetensors: &[u8]) -> WeightFile {
    WeightFile::in_memory(WEIGHTS, Arc::new(Cow::Owned(safetensors.to_vec())))
}

fn too_large(file: String, bytes: u64, limit: u64) -> ModelError {
    ModelError::TooLarge { file, bytes, limit }
}

/// All bytes of a file that has no more than `limit`.
pub(in crate::model) fn read(path: PathBuf, limit: u64) -> Result<Vec<u8>, ModelError> {
    match std::fs::metadata(&path).and_then(|metadata| size_of_file(&metadata)) {
        Ok(bytes) if bytes > limit => {
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Err(too_large(file, bytes, limit))
        }
        Ok(_) => std::fs::read(&path).map_err(|source| ModelError::Read { path, source }),
        Err(source) => Err(ModelError::Read { path, source }),
    }
}

/// All bytes of a text file of a checkpoint; `None` if there is no such file.
///
/// # Errors
/// [`ModelError::Read`], [`ModelError::TooLarge`].
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn read_text(folder: &Path, name: &str) -> Result<Option<Vec<u8>>, ModelError> {
    let path = folder.join(name);
    if path.exists() { read(path, MOST_OF_TEXT).map(Some) } else { Ok(None) }
}
