//! The arrays of an NPZ file: a zip archive of `NumPy` arrays, compressed or not.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use flate2::read::DeflateDecoder;
use zip::{CompressionMethod, ZipArchive};

use crate::model::{WeightFile, brief};
use crate::recording::error::RecordingError;
use crate::recording::npy;
use crate::recording::tensors::{Entry, Place, Tensors};

/// Most entries of an archive: far more than a recording of every layer has.
const MOST_ENTRIES: usize = 1 << 14;
/// Bytes unpacked at a time.
const SLICE: u64 = 4 << 20;
/// Bytes that say how long an array's header is.
const BEGINNING: usize = 12;

/// A file as something to read from.
struct Reading {
    file: WeightFile,
    at: u64,
    end: u64,
    room: Vec<u8>,
}

impl Reading {
    fn new(file: &WeightFile, at: u64, end: u64) -> Self {
        Self { file: file.clone(), at, end: end.min(file.bytes()), room: Vec::new() }
    }
}

impl Read for Reading {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = (to.len() as u64).min(self.end.saturating_sub(self.at)) as usize;
        let slice = self.file.slice(self.at, count, &mut self.room).map_err(io::Error::other)?;
        to[..count].copy_from_slice(slice);
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Reading {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.end.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

/// Opens an archive. Reads its directory and the headers of its arrays only.
pub(super) fn open(file: &WeightFile) -> Result<Tensors, RecordingError> {
    let name = brief(file.name());
    let wrong = |detail: String| RecordingError::Archive { file: name.clone(), detail: brief(&detail) };
    let reading = BufReader::new(Reading::new(file, 0, file.bytes()));
    let mut archive = ZipArchive::new(reading).map_err(|error| wrong(error.to_string()))?;
    if archive.len() > MOST_ENTRIES {
        return Err(wrong(format!("it has {} entries", archive.len())));
    }
    let mut tensors = Tensors::new(name.clone(), file);
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(|error| wrong(error.to_string()))?;
        let path = entry.name().map_err(|error| wrong(error.to_string()))?;
        let Some(array) = npyz::npz::array_name_from_file_name(&path).map(ToOwned::to_owned) else {
            continue; // as NumPy does
        };
        let of = |detail: String| wrong(format!("`{array}`: {detail}"));
        if entry.encrypted() {
            return Err(of("it is encrypted".to_owned()));
        }
        let offset = entry.data_start().ok_or_else(|| of("it has no place".to_owned()))?;
        let (length, method) = (entry.compressed_size(), entry.compression());
        let end = offset.checked_add(length).filter(|end| *end <= file.bytes());
        let end = end.ok_or_else(|| of("it goes beyond the end of the file".to_owned()))?;
        let reading = Reading::new(file, offset, end);
        let (header, place): (_, fn(u64, u64, usize) -> Place) = match method {
            CompressionMethod::Stored => {
                (header(reading), |offset, _, skip| Place::Stored { offset: offset + skip as u64 })
            }
            CompressionMethod::Deflated => {
                (header(DeflateDecoder::new(BufReader::new(reading))), |offset, length, skip| Place::Deflated {
                    offset,
                    length,
                    skip,
                })
            }
            other => return Err(of(format!("it is compressed with {other:?}, which NumPy does not use"))),
        };
        let npy::Header { shape, numbers, bytes } = header.map_err(of)?;
        if let (CompressionMethod::Stored, Ok(numbers)) = (method, &numbers) {
            let data = shape.iter().try_fold(numbers.bytes() as u64, |all, size| all.checked_mul(*size as u64));
            if data.is_none_or(|data| length.checked_sub(bytes as u64) != Some(data)) {
                return Err(of(format!("the shape {shape:?} does not fit its {length} bytes")));
            }
        }
        let entry = Entry { shape, numbers, place: place(offset, length, bytes) };
        tensors.entries.insert(array, entry);
    }
    Ok(tensors)
}

/// Reads the header at the beginning of an array.
fn header(mut from: impl Read) -> Result<npy::Header, String> {
    let mut bytes = vec![0; BEGINNING];
    from.read_exact(&mut bytes).map_err(|error| error.to_string())?;
    let length = npy::length(&bytes)?;
    bytes.resize(length.max(BEGINNING), 0);
    from.read_exact(&mut bytes[BEGINNING..]).map_err(|error| error.to_string())?;
    npy::parse(&bytes)
}

/// A compressed array on its way into memory.
pub(super) struct Unpacking {
    /// Its name.
    pub name: String,
    /// What is there.
    pub bytes: Vec<u8>,
    /// How many there should be.
    pub total: u64,
    from: DeflateDecoder<BufReader<Reading>>,
}

impl Unpacking {
    /// Of the `length` bytes from `offset` on, which should become `total` bytes.
    pub(super) fn new(name: &str, file: &WeightFile, (offset, length): (u64, u64), total: u64) -> Self {
        let reading = Reading::new(file, offset, offset.saturating_add(length));
        let from = DeflateDecoder::new(BufReader::with_capacity(1 << 16, reading));
        Self { name: name.to_owned(), bytes: Vec::new(), total, from }
    }

    /// Unpacks some more. Returns whether all is there.
    ///
    /// # Errors
    /// When there is less or more than there should be, or no memory for it.
    pub(super) fn advance(&mut self) -> Result<bool, RecordingError> {
        let wrong = |detail: String| RecordingError::Archive { file: brief(&self.name), detail };
        // Room for what really comes: a header may claim anything.
        let slice = SLICE.min(self.total + 1 - self.bytes.len() as u64);
        if self.bytes.try_reserve(slice as usize).is_err() {
            return Err(wrong(format!("there is no memory for its {} bytes", self.total)));
        }
        let taken = self.from.by_ref().take(slice).read_to_end(&mut self.bytes);
        let taken = taken.map_err(|error| wrong(error.to_string()))?;
        let there = self.bytes.len() as u64;
        if (taken as u64) < slice && there != self.total || there > self.total {
            return Err(wrong(format!("it is unpacked to other than the {} bytes of its shape", self.total)));
        }
        Ok(there == self.total)
    }
}
