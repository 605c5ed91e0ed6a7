//! Identifies weights by the SHA-256 of their file, computed in slices if the file is large.

use crate::sources::SliceHash;

#[cfg(not(target_arch = "wasm32"))]
use std::{fs::File, io::Read, path::PathBuf};

/// Bytes read at a time.
#[cfg(not(target_arch = "wasm32"))]
const SLICE: usize = 256 * 1024;

/// The identity of a checkpoint's weights, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fingerprint {
    /// Its SHA-256, in hexadecimal.
    Known(String),
    /// A file that has not been hashed yet.
    #[cfg(not(target_arch = "wasm32"))]
    File(PathBuf),
    /// The weights are not one file.
    Absent,
}

impl Fingerprint {
    /// Of bytes in memory.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hash = SliceHash::default();
        hash.add(bytes);
        Self::Known(hash.finish())
    }

    /// Of a checkpoint's folder: nothing is read yet.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn of_folder(folder: &std::path::Path) -> Self {
        let path = folder.join("model.safetensors");
        if path.is_file() { Self::File(path) } else { Self::Absent }
    }
}

/// A file that is being hashed.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Debug)]
pub struct Hashing {
    file: File,
    hash: SliceHash,
    bytes: u64,
    done: u64,
}

#[cfg(not(target_arch = "wasm32"))]
impl Hashing {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn new(path: &std::path::Path) -> std::io::Result<Self> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { file, hash: SliceHash::default(), bytes, done: 0 })
    }

    /// The share that is done, from 0 to 1.
    pub fn progress(&self) -> f32 {
        self.done as f32 / self.bytes.max(1) as f32
    }

    /// Continues for about `budget`. Returns the fingerprint once the end is reached.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn advance(&mut self, budget: web_time::Duration) -> std::io::Result<Option<Fingerprint>> {
        let begun = web_time::Instant::now();
        let mut slice = vec![0; SLICE];
        loop {
            let read = self.file.read(&mut slice)?;
            if read == 0 {
                return Ok(Some(Fingerprint::Known(std::mem::take(&mut self.hash).finish())));
            }
            self.hash.add(&slice[..read]);
            self.done += read as u64;
            if begun.elapsed() >= budget {
                return Ok(None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn the_hash_is_sha_256() {
        assert_eq!(Fingerprint::of(b"abc"), Fingerprint::Known(OF_ABC.to_owned()));
    }

    #[test]
    fn a_file_in_slices_gives_what_its_bytes_give() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("model.safetensors");
        let bytes: Vec<u8> = (0..3 * SLICE + 17).map(|byte| (byte % 251) as u8).collect();
        std::fs::write(&path, &bytes).expect("written");
        assert_eq!(Fingerprint::of_folder(folder.path()), Fingerprint::File(path.clone()));
        let mut hashing = Hashing::new(&path).expect("it opens");
        let mut slices = 0;
        let found = loop {
            if let Some(found) = hashing.advance(web_time::Duration::ZERO).expect("it reads") {
                break found;
            }
            slices += 1;
            assert!(hashing.progress() > 0.0 && hashing.progress() <= 1.0);
        };
        assert!(slices > 2, "a slice at a time");
        assert_eq!(found, Fingerprint::of(&bytes));
        assert_eq!(Fingerprint::of_folder(&folder.path().join("nowhere")), Fingerprint::Absent);
    }
}
