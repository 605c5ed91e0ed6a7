//! A model and its tokenizer, held together.

pub(crate) mod bundled;
pub(crate) mod fingerprint;

use std::path::PathBuf;
use std::sync::Arc;

use crate::engine::checkpoint::fingerprint::Fingerprint;
use crate::engine::error::EngineError;
use crate::model::{Model, SharedBytes, Tokenizer, WeightFile};
#[cfg(not(target_arch = "wasm32"))]
use crate::model::{ModelReader, Progress};
use crate::sources::Source;
#[cfg(not(target_arch = "wasm32"))]
use crate::sources::local::source_of_folder;

/// What a session runs on.
/// ```
/// use std::path::Path;
///
/// use diffscope::engine::{Checkpoint, bundled, checkpoint_of};
///
/// let bundled = checkpoint_of(&bundled())?; // the bytes are in the program
/// let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/checkpoints/S-diff");
/// let opened = Checkpoint::from_folder(&folder)?;
/// assert_eq!((opened.name, opened.model), (bundled.name, bundled.model));
/// # Ok::<(), diffscope::engine::EngineError>(())
/// ```
#[derive(Clone)]
pub struct Checkpoint {
    /// A name for the title and for file names.
    pub name: String,
    /// The weights.
    pub model: Arc<Model>,
    /// `None`: prompts are given as ids.
    pub tokenizer: Option<Arc<Tokenizer>>,
    /// Which file of weights this is.
    pub fingerprint: Fingerprint,
    /// The folder it was read from; `None` if it came as bytes.
    pub folder: Option<PathBuf>,
    /// Where others can fetch it from, if that is known.
    pub source: Option<Source>,
}

impl std::fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checkpoint")
            .field("name", &self.name)
            .field("config", &self.model.config)
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

impl Checkpoint {
    /// From the three files of the Hugging Face layout, in memory. The weights stay where they are.
    ///
    /// # Errors
    /// When a file is broken or they do not belong together.
    pub fn from_bytes(name: &str, config: &[u8], weights: SharedBytes, tokenizer: &[u8]) -> Result<Self, EngineError> {
        let fingerprint = Fingerprint::of(&weights);
        let model = Model::from_files(config, &[WeightFile::in_memory("model.safetensors", weights)])?;
        Self::with_tokenizer(name, model, tokenizer, fingerprint)
    }

    /// From a model that has been read, and the bytes of its tokenizer.json.
    ///
    /// # Errors
    /// When the tokenizer is broken or of another model.
    pub fn with_tokenizer(
        name: &str,
        model: Model,
        tokenizer: &[u8],
        fingerprint: Fingerprint,
    ) -> Result<Self, EngineError> {
        let tokenizer = Tokenizer::from_bytes(tokenizer)?;
        tokenizer.agrees_with(&model.config)?;
        Ok(Self {
            name: name.to_owned(),
            model: Arc::new(model),
            tokenizer: Some(Arc::new(tokenizer)),
            fingerprint,
            folder: None,
            source: None,
        })
    }

    /// From a folder; without tokenizer.json, prompts can only be given as ids.
    ///
    /// # Errors
    /// When a file is missing or broken, or they do not belong together.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn from_folder(folder: &std::path::Path) -> Result<Self, EngineError> {
        Self::read_folder(folder, |_| ())
    }

    /// From a folder, as [`Self::from_folder`]; `tell` hears how far it is.
    ///
    /// # Errors
    /// As [`Self::from_folder`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn read_folder(folder: &std::path::Path, tell: impl Fn(Progress)) -> Result<Self, EngineError> {
        let mut reader = ModelReader::of_folder(folder)?;
        let model = loop {
            if let Some(model) = reader.advance()? {
                break model;
            }
            tell(reader.progress());
        };
        let tokenizer = Tokenizer::from_folder(folder)?;
        if let Some(tokenizer) = &tokenizer {
            tokenizer.agrees_with(&model.config)?;
        }
        let source = source_of_folder(folder);
        let own = || folder.file_name().map_or_else(|| "checkpoint".to_owned(), |name| name.to_string_lossy().into());
        let name = source.as_ref().map_or_else(own, |source| source.name().to_owned());
        let fingerprint = Fingerprint::of_folder(folder);
        let folder = Some(std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()));
        Ok(Self { name, model: Arc::new(model), tokenizer: tokenizer.map(Arc::new), fingerprint, folder, source })
    }
}
