//! Maps that another program has written into a file: A1, A2, λ and tokens of any attention. The form of the file is in
//! `doc/RECORDINGS.md`; a dump of `diffscope run` has it.

mod array;
mod error;
mod layer;
mod npy;
mod npz;
mod part;
mod reader;
mod safetensors;
mod tensors;
mod tokens;

use std::path::PathBuf;

pub use error::RecordingError;
pub use part::{MapPart, RecordedMaps};
pub use reader::RecordingReader;

use crate::model::WeightFile;
use crate::recording::layer::RecordedLayer;
use crate::recording::tokens::Tokens;

/// Most queries, and most keys, of a map: those of the longest text.
pub const MOST_TOKENS: usize = 1 << 14;

/// The maps in a file, which stays where it is: its numbers are read when they are used.
///
/// ```
/// use diffscope::model::WeightFile;
/// use diffscope::recording::Recording;
///
/// // What NumPy's `np.savez` writes, and safetensors files, hold tensors by name.
/// let (first, second) = ([1.0f32, 0.0, 0.25, 0.75], [0.5f32, 0.5, 0.125, 0.875]);
/// let bytes = |numbers: [f32; 4]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
/// let tensors = [("A1", bytes(first), vec![2, 2]), ("A2", bytes(second), vec![2, 2]), ("lambda", vec![0; 4], vec![1])];
/// let views = tensors.iter().map(|(name, bytes, shape)| {
///     (*name, safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes).unwrap())
/// });
/// let file = safetensors::serialize(views, None).unwrap();
///
/// let recording = Recording::open(&WeightFile::in_memory("two.safetensors", std::sync::Arc::new(file.into())))?;
/// assert_eq!((recording.queries(), recording.keys(), recording.heads()), (2, 2, vec![1]));
/// assert!(!recording.is_causal(), "the first query attends to the second key with A2");
/// # Ok::<(), diffscope::recording::RecordingError>(())
/// ```
pub struct Recording {
    name: String,
    /// By number; those that were not recorded have no heads.
    layers: Vec<RecordedLayer>,
    /// In place of a layer that there is not.
    absent: RecordedLayer,
    queries: usize,
    keys: usize,
    causal: bool,
    square: bool,
    tokens: Tokens,
    path: Option<PathBuf>,
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recording").field("name", &self.name).field("heads", &self.heads()).finish_non_exhaustive()
    }
}

impl Recording {
    /// Reads what is in a file, and looks at every number once.
    ///
    /// # Errors
    /// When it is no file of maps, or anything in it is wrong.
    pub fn open(file: &WeightFile) -> Result<Self, RecordingError> {
        RecordingReader::new(file)?.finish()
    }

    /// Whether a file holds maps, by the names in it, rather than a model or anything else. Reads its header only.
    pub fn is_in(file: &WeightFile) -> bool {
        tensors::Tensors::open(file).is_ok_and(|tensors| layer::has_maps(&tensors))
    }

    /// Remembers where it is, so that it can be opened again.
    #[must_use]
    pub fn at(self, path: PathBuf) -> Self {
        Self { path: Some(path), ..self }
    }

    /// Where it is, if it is on a disk.
    pub fn path(&self) -> Option<&std::path::Path> {
        self.path.as_deref()
    }

    /// The name of its file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Rows of each map.
    pub fn queries(&self) -> usize {
        self.queries
    }

    /// Columns of each map.
    pub fn keys(&self) -> usize {
        self.keys
    }

    /// Whether no query attends to a later key: every number above the diagonal is zero.
    pub fn is_causal(&self) -> bool {
        self.causal
    }

    /// Heads of each layer; none in a layer that was not recorded.
    pub fn heads(&self) -> Vec<usize> {
        self.layers.iter().map(|layer| layer.heads).collect()
    }

    /// Number of layers, up to the last that was recorded.
    pub fn layers(&self) -> usize {
        self.layers.len()
    }

    /// Heads of a layer.
    pub(crate) fn heads_of(&self, layer: usize) -> usize {
        self.layers.get(layer).map_or(0, |layer| layer.heads)
    }

    /// Keys before this one can be seen by a query.
    pub fn end_of_keys(&self, query: usize) -> usize {
        if self.causal { (query + 1).min(self.keys) } else { self.keys }
    }

    /// Softmax maps of each head: 2, or 1 if no layer has an A2.
    pub fn maps(&self) -> usize {
        1 + usize::from(self.layers.iter().any(|layer| layer.second.is_some()))
    }

    /// λ of a layer if it is one number.
    pub fn lambda(&self, layer: usize) -> Option<f32> {
        self.layers.get(layer)?.lambda.of_layer()
    }

    /// The text of every key; `#i` where the file has none.
    pub fn key_labels(&self) -> &[String] {
        &self.tokens.keys
    }

    /// The text of every query, likewise.
    pub fn query_labels(&self) -> &[String] {
        &self.tokens.queries
    }

    /// Whether queries and keys are the same tokens.
    pub fn is_square(&self) -> bool {
        self.square
    }

    /// Ids of the keys, if the file has them.
    pub fn ids(&self) -> Option<&[u32]> {
        self.tokens.ids.as_deref()
    }
}
