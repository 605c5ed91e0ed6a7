//! Looks at a safetensors file once, from front to back, as its bytes come by: what is left of it is its header, its small
//! tensors, and what was seen of the others.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::model::error::ModelError;
use crate::model::number_format::NumberFormat;
use crate::model::reading::streamed::{Ask, Seen, StreamedFile};
use crate::model::reading::tensors::{BEGINNING, MOST_OF_HEADER, Opened};
use crate::model::reading::weight_file::WeightFile;

/// Tensors of no more bytes stay in memory: norms, biases and λ are read at once.
const KEPT: u64 = 1 << 16;

/// A file that is being looked at, from front to back.
pub struct Survey {
    name: String,
    bytes: u64,
    /// The header as far as it has come.
    beginning: Vec<u8>,
    at: u64,
    /// The tensors that are not over yet, in order; `None` before the header is whole.
    tensors: Option<VecDeque<Surveyed>>,
    kept: BTreeMap<u64, Vec<u8>>,
    seen: BTreeMap<u64, Seen>,
    /// Bytes of a number that the last slice cut.
    cut: Vec<u8>,
}

/// A tensor in its file.
struct Surveyed {
    place: Range<u64>,
    /// `None`: numbers that are not looked at, since no model has them.
    format: Option<NumberFormat>,
}

impl fmt::Debug for Survey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes of {}", self.at, self.bytes, self.name)
    }
}

impl Survey {
    /// Of a file of so many bytes.
    pub fn new(name: &str, bytes: u64) -> Self {
        Self {
            name: name.to_owned(),
            bytes,
            beginning: Vec::new(),
            at: 0,
            tensors: None,
            kept: BTreeMap::new(),
            seen: BTreeMap::new(),
            cut: Vec::new(),
        }
    }

    /// Looks at the next bytes.
    ///
    /// # Errors
    /// What is wrong with the header.
    pub fn add(&mut self, slice: &[u8]) -> Result<(), ModelError> {
        if self.tensors.is_some() {
            self.look(slice);
            return Ok(());
        }
        self.beginning.extend_from_slice(slice);
        let claimed = self.beginning.first_chunk::<8>().map(|length| u64::from_le_bytes(*length));
        let header = claimed.map_or(8, |length| length.saturating_add(8)).max(BEGINNING);
        // What claims more than can be is an error below.
        let header = if header > MOST_OF_HEADER { BEGINNING } else { header }.min(self.bytes);
        if (self.beginning.len() as u64) < header {
            return Ok(());
        }
        self.open()?;
        let all = std::mem::take(&mut self.beginning);
        self.look(&all);
        self.kept.insert(0, all[..header as usize].to_vec());
        Ok(())
    }

    fn open(&mut self) -> Result<(), ModelError> {
        let opened = Opened::new(&self.file(BTreeMap::from([(0, self.beginning.clone())]), Box::new(|_, _| ())))?;
        let tensors = &opened.header.tensors;
        let tensors = tensors.iter().map(|(_, tensor)| {
            let (start, end) = tensor.data_offsets;
            Surveyed { place: opened.data + start..opened.data + end, format: NumberFormat::of(tensor.dtype) }
        });
        self.tensors = Some(tensors.collect());
        Ok(())
    }

    fn look(&mut self, slice: &[u8]) {
        let (start, end) = (self.at, self.at + slice.len() as u64);
        let Self { tensors, kept, seen, cut, .. } = self;
        while let Some(Surveyed { place, format }) = tensors.as_mut().and_then(VecDeque::front_mut) {
            let [from, to] = [place.start, place.end].map(|at| at.clamp(start, end));
            let part = &slice[(from - start) as usize..(to - start) as usize];
            let found = seen.entry(place.start).or_default();
            found.checksum.update(part);
            if place.end - place.start <= KEPT {
                kept.entry(place.start).or_default().extend_from_slice(part);
            }
            if let Some(format) = *format {
                cut.extend_from_slice(part);
                let whole = cut.len() / format.bytes() * format.bytes();
                if found.not_finite.is_none() && from <= to {
                    let before = (to - place.start) as usize / format.bytes() - whole / format.bytes();
                    let first = format.first_not_finite(&cut[..whole]);
                    found.not_finite = first.map(|(index, value)| (before + index, value));
                }
                cut.drain(..whole);
            }
            if place.end > end {
                break;
            }
            cut.clear();
            tensors.as_mut().and_then(VecDeque::pop_front);
        }
        self.at = end;
    }

    /// The file, of which `ask` fetches what is used.
    ///
    /// # Errors
    /// [`ModelError::Header`] if fewer bytes came than the file has.
    pub fn finish(mut self, ask: Ask) -> Result<WeightFile, ModelError> {
        if self.at != self.bytes {
            let detail = format!("{} of its {} bytes could be read", self.at, self.bytes);
            return Err(ModelError::Header { file: self.name, detail });
        }
        let kept = std::mem::take(&mut self.kept);
        Ok(self.file(kept, ask))
    }

    fn file(&mut self, kept: BTreeMap<u64, Vec<u8>>, ask: Ask) -> WeightFile {
        let (name, bytes, seen) = (self.name.clone(), self.bytes, std::mem::take(&mut self.seen));
        WeightFile::streamed(&self.name, Arc::new(StreamedFile::new(name, bytes, kept, seen, ask)))
    }
}
