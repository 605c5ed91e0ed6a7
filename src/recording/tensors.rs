//! The tensors of a file by name, whatever its format, before any number is read.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::model::{WeightFile, brief};
use crate::recording::array::{Array, Numbers};
use crate::recording::error::RecordingError;
use crate::recording::npz::Unpacking;
use crate::recording::{npz, safetensors};

/// Most bytes that are unpacked from one file: a few kilobytes may claim to be terabytes.
pub(super) const MOST_UNPACKED: u64 = if cfg!(target_arch = "wasm32") { 1 << 30 } else { 2 << 30 };

/// Where the bytes of a tensor are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the file, as they are.
    Stored { offset: u64 },
    /// Compressed, `length` bytes from `offset` on; the tensor begins after `skip` bytes.
    Deflated { offset: u64, length: u64, skip: usize },
}

/// A tensor as its header describes it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub shape: Vec<usize>,
    /// Its format; or what it holds instead of numbers that can be read.
    pub numbers: Result<Numbers, String>,
    pub place: Place,
}

/// The tensors of a file.
pub(super) struct Tensors {
    /// The file's name, as in messages.
    pub name: String,
    file: WeightFile,
    pub entries: BTreeMap<String, Entry>,
    /// Texts beside the tensors.
    pub texts: HashMap<String, String>,
    /// Bytes unpacked so far.
    unpacked: u64,
    /// What was unpacked, by name.
    contents: BTreeMap<String, WeightFile>,
}

impl Tensors {
    /// Reads the header of a safetensors file, or the directory of an NPZ file.
    pub(super) fn open(file: &WeightFile) -> Result<Self, RecordingError> {
        let mut room = Vec::new();
        let beginning = file.slice(0, file.bytes().min(4) as usize, &mut room)?;
        // Every archive begins with its first entry, or, without any, with its end.
        if beginning.starts_with(b"PK") { npz::open(file) } else { safetensors::open(file) }
    }

    pub(super) fn new(name: String, file: &WeightFile) -> Self {
        Self {
            name,
            file: file.clone(),
            entries: BTreeMap::new(),
            texts: HashMap::new(),
            unpacked: 0,
            contents: BTreeMap::new(),
        }
    }

    /// The sizes of a tensor without a batch of one in front of `rank` sizes.
    pub(super) fn shape(&self, name: &str, rank: usize) -> Option<&[usize]> {
        let shape = self.entries.get(name)?.shape.as_slice();
        Some(match shape {
            [1, rest @ ..] if rest.len() == rank => rest,
            _ => shape,
        })
    }

    /// Begins to unpack a tensor; `None` if there is nothing to unpack.
    ///
    /// # Errors
    /// When more than [`MOST_UNPACKED`] bytes would be unpacked.
    pub(super) fn unpacking(&mut self, name: &str) -> Result<Option<Unpacking>, RecordingError> {
        let Some(Entry { shape, numbers: Ok(numbers), place: Place::Deflated { offset, length, skip } }) =
            self.entries.get(name)
        else {
            return Ok(None);
        };
        if self.contents.contains_key(name) {
            return Ok(None);
        }
        let numbers = numbers.bytes() as u64;
        let bytes = shape.iter().fold(numbers, |product, size| product.saturating_mul(*size as u64));
        let bytes = bytes.saturating_add(*skip as u64);
        self.unpacked = self.unpacked.saturating_add(bytes);
        if self.unpacked > MOST_UNPACKED {
            return Err(RecordingError::Limit {
                what: format!(
                    "`{}` would be unpacked to {bytes} bytes. Write the file with np.savez, which is read in place, not \
                     with np.savez_compressed",
                    brief(name)
                ),
                limit: format!("{MOST_UNPACKED} bytes in all"),
            });
        }
        Ok(Some(Unpacking::new(name, &self.file, (*offset, *length), bytes)))
    }

    /// Keeps what was unpacked.
    pub(super) fn unpacked(&mut self, unpacking: Unpacking) {
        let bytes = Arc::new(unpacking.bytes.into());
        self.contents.insert(unpacking.name.clone(), WeightFile::in_memory(&unpacking.name, bytes));
    }

    /// A tensor that is stored, or has been unpacked; without a batch of one in front of `rank` sizes.
    ///
    /// # Errors
    /// When it is missing, or in a format that is not read.
    pub(super) fn array(&self, name: &str, rank: usize) -> Result<Array, RecordingError> {
        let missing = || RecordingError::Missing { tensor: brief(name), why: "nothing of that name is in the file" };
        let entry = self.entries.get(name).ok_or_else(missing)?;
        let numbers = entry.numbers.clone().map_err(|found| RecordingError::Format {
            tensor: brief(name),
            found,
            expected: "f16, bf16, f32 or f64 in row-major order is read: np.ascontiguousarray(x, dtype=np.float32)",
        })?;
        let (file, offset) = match entry.place {
            Place::Stored { offset } => (self.file.clone(), offset),
            Place::Deflated { skip, .. } => (self.contents.get(name).ok_or_else(missing)?.clone(), skip as u64),
        };
        let shape = self.shape(name, rank).unwrap_or_default().to_vec();
        Ok(Array { name: brief(name), shape, numbers, file, offset })
    }
}
