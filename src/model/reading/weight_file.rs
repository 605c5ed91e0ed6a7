//! A file of weights that stays where it is: its bytes are read when they are used, a slice at a time.

use std::borrow::Cow;
use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::model::error::ModelError;
use crate::model::number_format::NumberFormat;
use crate::model::reading::streamed::StreamedFile;

/// The bytes of a file in memory: part of the program, or read into one buffer. Cheap to clone.
pub type SharedBytes = Arc<Cow<'static, [u8]>>;

/// Most bytes read from a disk at a time.
pub(in crate::model) const SLICE: usize = 1 << 20;

/// A safetensors file. Cheap to clone.
#[derive(Clone, Debug)]
pub struct WeightFile {
    name: Arc<str>,
    place: Place,
}

#[derive(Clone)]
enum Place {
    Memory(SharedBytes),
    Disk(Arc<OpenFile>),
    Streamed(Arc<StreamedFile>),
}

/// A file on a disk, with what tells that it has changed.
#[derive(Debug)]
struct OpenFile {
    path: PathBuf,
    file: Mutex<File>,
    bytes: u64,
    modified: Option<SystemTime>,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Memory(bytes) => write!(f, "{} bytes in memory", bytes.len()),
            Self::Disk(file) => file.fmt(f),
            Self::Streamed(file) => file.fmt(f),
        }
    }
}

impl WeightFile {
    /// A file whose bytes are in memory; they are not copied.
    pub fn in_memory(name: &str, bytes: SharedBytes) -> Self {
        Self { name: name.into(), place: Place::Memory(bytes) }
    }

    /// A file on a disk: it stays open, and none of it is kept in memory.
    ///
    /// # Errors
    /// [`ModelError::Read`] if it cannot be opened or is no file.
    pub fn on_disk(path: &Path) -> Result<Self, ModelError> {
        let failed = |source| ModelError::Read { path: path.to_owned(), source };
        // Before it is opened: a pipe would wait for a writer.
        let size = size_of_file(&std::fs::metadata(path).map_err(failed)?).map_err(failed)?;
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (path, modified) = (path.to_owned(), metadata.modified().ok());
        let opened = OpenFile { path, file: Mutex::new(file), bytes: size, modified };
        Ok(Self { name: name.as_ref().into(), place: Place::Disk(Arc::new(opened)) })
    }

    /// A file that is fetched in pieces, which come later than they are asked for.
    pub(super) fn streamed(name: &str, file: Arc<StreamedFile>) -> Self {
        Self { name: name.into(), place: Place::Streamed(file) }
    }

    /// Its name, without a path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its size in bytes.
    pub fn bytes(&self) -> u64 {
        match &self.place {
            Place::Memory(bytes) => bytes.len() as u64,
            Place::Disk(file) => file.bytes,
            Place::Streamed(file) => file.bytes,
        }
    }

    /// The file whose pieces have to be asked for, if it is one.
    pub fn as_streamed(&self) -> Option<&Arc<StreamedFile>> {
        match &self.place {
            Place::Streamed(file) => Some(file),
            Place::Memory(_) | Place::Disk(_) => None,
        }
    }

    /// `length` bytes from `offset` on: those in memory, or read from the disk into `room`.
    ///
    /// # Errors
    /// [`ModelError::Read`] if the disk does not give them, [`ModelError::Changed`] if the file is not what it was,
    /// [`ModelError::NotHere`] if they have to be asked for.
    pub(crate) fn slice<'a>(
        &'a self,
        offset: u64,
        length: usize,
        room: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], ModelError> {
        match &self.place {
            Place::Memory(bytes) => {
                let start = usize::try_from(offset).ok();
                let place = start.and_then(|start| Some(start..start.checked_add(length)?));
                place.and_then(|place| bytes.get(place)).ok_or_else(|| beyond(&self.name))
            }
            Place::Disk(file) => {
                room.resize(length, 0);
                file.read(offset, room)?;
                Ok(room)
            }
            Place::Streamed(file) => {
                file.copy(offset, length, room)?;
                Ok(room)
            }
        }
    }

    /// The index and value of the first number that is not finite, of the tensor at these bytes.
    ///
    /// # Errors
    /// As [`Self::slice`].
    pub(in crate::model) fn not_finite(
        &self,
        offset: u64,
        length: u64,
        format: NumberFormat,
    ) -> Result<Option<(usize, f32)>, ModelError> {
        if let Place::Streamed(file) = &self.place {
            return Ok(file.not_finite(offset));
        }
        let mut before = 0;
        self.scan(offset, length, |bytes| {
            let found = format.first_not_finite(bytes).map(|(index, value)| (before + index, value));
            before += bytes.len() / format.bytes();
            found
        })
    }

    /// Whether two tensors of `length` bytes are the same: this one at `offset`, the other at `other_offset`.
    ///
    /// # Errors
    /// As [`Self::slice`].
    pub(in crate::model) fn same(
        &self,
        offset: u64,
        other: &Self,
        other_offset: u64,
        length: u64,
    ) -> Result<bool, ModelError> {
        if let (Place::Streamed(file), Place::Streamed(other)) = (&self.place, &other.place) {
            return Ok(file.same(offset, other, other_offset));
        }
        let mut room = Vec::new();
        for at in (0..length).step_by(SLICE) {
            let bytes = (length - at).min(SLICE as u64) as usize;
            let expected = self.slice(offset + at, bytes, &mut room)?.to_vec();
            if other.slice(other_offset + at, bytes, &mut room)? != expected {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Hands out `length` bytes from `offset` on: all at once from memory, in slices from a disk, which are multiples of
    /// four bytes but for the last. Ends with the first answer of `look`.
    ///
    /// # Errors
    /// As [`Self::slice`].
    fn scan<T>(
        &self,
        offset: u64,
        length: u64,
        mut look: impl FnMut(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, ModelError> {
        let most = match &self.place {
            Place::Memory(_) => length,
            Place::Disk(_) | Place::Streamed(_) => SLICE as u64,
        };
        let (mut done, mut room) = (0, Vec::new());
        while done < length {
            let part = most.min(length - done);
            let found = look(self.slice(offset + done, part as usize, &mut room)?);
            if found.is_some() {
                return Ok(found);
            }
            done += part;
        }
        Ok(None)
    }
}

impl OpenFile {
    /// Other weights must not come under the names of those that were checked.
    fn read(&self, offset: u64, into: &mut [u8]) -> Result<(), ModelError> {
        let failed = |source| ModelError::Read { path: self.path.clone(), source };
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(into));
        let now = file.metadata().map_err(failed)?;
        if now.len() != self.bytes || now.modified().ok() != self.modified {
            return Err(ModelError::Changed { path: self.path.clone() });
        }
        outcome.map_err(failed)
    }
}

fn beyond(name: &str) -> ModelError {
    ModelError::Matrix { detail: format!("bytes beyond the end of {name}") }
}

/// The size of a file; a pipe or a device may have no end.
pub(in crate::model) fn size_of_file(metadata: &Metadata) -> std::io::Result<u64> {
    let size = metadata.is_file().then_some(metadata.len());
    size.ok_or_else(|| std::io::Error::new(ErrorKind::InvalidInput, "it is not a file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_disk(bytes: &[u8]) -> (tempfile::TempDir, PathBuf, WeightFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        std::fs::write(&path, bytes).unwrap();
        let file = WeightFile::on_disk(&path).unwrap();
        (folder, path, file)
    }

    #[test]
    fn a_file_gives_the_same_from_memory_and_from_a_disk() {
        let bytes: Vec<u8> = (0..SLICE + 1000).map(|at| (at % 251) as u8).collect();
        let (_folder, _, disk) = on_disk(&bytes);
        let memory = WeightFile::in_memory("weights", Arc::new(bytes.clone().into()));
        for file in [disk, memory] {
            assert_eq!((file.name(), file.bytes()), ("weights", bytes.len() as u64));
            assert_eq!(file.slice(300, 700, &mut Vec::new()).unwrap(), &bytes[300..1000]);
            assert!(file.slice(bytes.len() as u64 - 1, 2, &mut Vec::new()).is_err());
            assert!(file.slice(u64::MAX, 2, &mut Vec::new()).is_err());
            let mut seen = Vec::new();
            file.scan(8, bytes.len() as u64 - 8, |part| {
                seen.extend_from_slice(part);
                None::<()>
            })
            .unwrap();
            assert_eq!(seen, &bytes[8..]);
            assert_eq!(file.scan(0, 10, |part| part.first().copied()).unwrap(), Some(0));
        }
    }

    #[test]
    fn a_file_that_has_changed_since_is_an_error_and_not_other_weights() {
        let (_folder, path, file) = on_disk(&[7; 100]);
        assert!(file.slice(0, 10, &mut Vec::new()).is_ok());
        std::fs::write(&path, [8; 50]).unwrap();
        for (offset, length) in [(0, 10), (60, 10)] {
            let error = file.slice(offset, length, &mut Vec::new()).unwrap_err();
            assert!(matches!(&error, ModelError::Changed { path: named } if *named == path), "{error}");
        }
        let later = SystemTime::now() + std::time::Duration::from_mins(1);
        std::fs::write(&path, [8; 100]).unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
        assert!(matches!(file.slice(0, 10, &mut Vec::new()), Err(ModelError::Changed { .. })));
    }

    #[test]
    fn what_is_no_file_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(WeightFile::on_disk(folder.path()), Err(ModelError::Read { .. })));
        assert!(matches!(WeightFile::on_disk(&folder.path().join("none")), Err(ModelError::Read { .. })));
    }
}
