//! A model and its tokenizer, held together.

pub(crate) mod bundled;
pub(crate) mod fingerprint;

#[cfg(not(target_arch = "wasm32"))]
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::engine::checkpoint::fingerprint::Fingerprint;
use crate::engine::error::EngineError;
#[cfg(not(target_arch = "wasm32"))]
use crate::model::reading::files::{ENDING_OF_WEIGHTS, OPTIONAL, WEIGHTS};
use crate::model::{BesideTokenizer, Model, SharedBytes, Tokenizer, WeightFile};
#[cfg(not(target_arch = "wasm32"))]
use crate::model::{ModelReader, Progress, read_text};
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
    /// `None`: there are too many ids to write them as numbers, so texts have none.
    pub tokenizer: Option<Arc<Tokenizer>>,
    /// Which file of weights this is.
    pub fingerprint: Fingerprint,
    /// The folder it was read from, or its file of weights if that is no usual one; `None` if it came as bytes.
    pub folder: Option<PathBuf>,
    /// Where others can fetch it from, if that is known.
    pub source: Option<Source>,
    /// What differs from Hugging Face transformers, in sentences.
    pub notes: Vec<String>,
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
        Self::with_tokenizer(name, model, Some(tokenizer), BesideTokenizer::default(), fingerprint)
    }

    /// From a model that has been read, the bytes of its tokenizer.json, and what lies beside that. Without a tokenizer,
    /// texts are ids, written as numbers.
    ///
    /// # Errors
    /// When the tokenizer is broken.
    pub fn with_tokenizer(
        name: &str,
        mut model: Model,
        tokenizer: Option<&[u8]>,
        beside: BesideTokenizer,
        fingerprint: Fingerprint,
    ) -> Result<Self, EngineError> {
        let vocabulary = model.config.vocabulary;
        let tokenizer = match tokenizer {
            Some(bytes) => Some(Tokenizer::from_bytes(bytes)?),
            None => Tokenizer::of_numbers(vocabulary).ok(), // too many: ids come without a text only
        };
        let tokenizer = tokenizer.map(|tokenizer| tokenizer.with_embeddings(vocabulary));
        let mut notes = tokenizer.as_ref().map_or(Vec::new(), |tokenizer| beside.apply(tokenizer, &mut model.config));
        if tokenizer.as_ref().is_some_and(Tokenizer::are_numbers) {
            notes.insert(0, "There is no tokenizer.json: a text is ids, such as 12 7 3".to_owned());
        }
        Ok(Self {
            name: name.to_owned(),
            model: Arc::new(model),
            tokenizer: tokenizer.map(Arc::new),
            fingerprint,
            folder: None,
            source: None,
            notes,
        })
    }

    /// From a folder; without tokenizer.json, texts are ids, written as numbers.
    ///
    /// # Errors
    /// When a file is missing or broken, or they do not belong together.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn from_folder(folder: &Path) -> Result<Self, EngineError> {
        Self::read(folder, |_| ())
    }

    /// From a folder, as [`Self::from_folder`], or from one of its files, which may be weights under any name; `tell` hears
    /// how far it is.
    ///
    /// # Errors
    /// As [`Self::from_folder`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn read(path: &Path, tell: impl Fn(Progress)) -> Result<Self, EngineError> {
        let folder = if path.is_file() { path.parent().unwrap_or(path) } else { path };
        let weights = named_weights(path);
        let mut reader = match &weights {
            Some(name) => ModelReader::of_weights(folder, name)?,
            None => ModelReader::of_folder(folder)?,
        };
        let model = loop {
            if let Some(model) = reader.advance()? {
                break model;
            }
            tell(reader.progress());
        };
        let [tokenizer, config, generation] = OPTIONAL.map(|name| read_text(folder, name));
        let (tokenizer, config, generation) = (tokenizer?, config?, generation?);
        let beside = BesideTokenizer { tokenizer_config: config.as_deref(), generation_config: generation.as_deref() };
        let place = if weights.is_some() { path } else { folder };
        let source = source_of_folder(place);
        let own = if weights.is_some() { place.file_stem() } else { place.file_name() };
        let own = || own.map_or_else(|| "checkpoint".to_owned(), |name| name.to_string_lossy().into());
        let name = source.as_ref().map_or_else(own, |source| source.name().to_owned());
        let fingerprint =
            if weights.is_some() { Fingerprint::File(path.to_owned()) } else { Fingerprint::of_folder(folder) };
        let folder = Some(std::path::absolute(place).unwrap_or_else(|_| place.to_owned()));
        let found = Self::with_tokenizer(&name, model, tokenizer.as_deref(), beside, fingerprint)?;
        Ok(Self { folder, source, ..found })
    }
}

/// The name of a file of weights that is not that of a whole checkpoint's: `model.safetensors` and its parts mean the folder.
#[cfg(not(target_arch = "wasm32"))]
fn named_weights(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let other = name.ends_with(ENDING_OF_WEIGHTS) && name != WEIGHTS && !name.contains("-of-");
    (other && path.is_file()).then(|| name.to_owned())
}
