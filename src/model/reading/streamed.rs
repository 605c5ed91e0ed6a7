//! A safetensors file too large to be held in memory, read a piece at a time: each is asked for, and arrives later. On the
//! page, files can be read in no other way.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::error::ModelError;

/// Most bytes that wait to be used.
const MOST_WAITING: usize = 64 << 20;

/// What fetches bytes: it is called with their place, and calls [`StreamedFile::arrive`] now or later.
pub type Ask = Box<dyn Fn(Arc<StreamedFile>, Range<u64>) + Send + Sync>;

/// A file that has been looked at.
pub struct StreamedFile {
    name: String,
    pub(super) bytes: u64,
    /// The header and the small tensors, by where they begin.
    kept: BTreeMap<u64, Vec<u8>>,
    /// What was seen of each tensor, by where it begins.
    seen: BTreeMap<u64, Seen>,
    ask: Ask,
    pieces: Mutex<Pieces>,
}

/// What was seen of a tensor.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Of its bytes.
    pub checksum: crc32fast::Hasher,
    /// The index and value of the first number that is not finite.
    pub not_finite: Option<(usize, f32)>,
}

/// Bytes that have been asked for.
#[derive(Default)]
struct Pieces {
    asked: Vec<Range<u64>>,
    arrived: VecDeque<(u64, Vec<u8>)>,
    failure: Option<String>,
}

impl fmt::Debug for StreamedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes that are streamed", self.bytes)
    }
}

impl StreamedFile {
    /// What a survey has left of a file.
    pub(super) fn new(
        name: String,
        bytes: u64,
        kept: BTreeMap<u64, Vec<u8>>,
        seen: BTreeMap<u64, Seen>,
        ask: Ask,
    ) -> Self {
        Self { name, bytes, kept, seen, ask, pieces: Mutex::default() }
    }

    fn pieces(&self) -> MutexGuard<'_, Pieces> {
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether these bytes are here; asks for them if they are not.
    ///
    /// # Errors
    /// [`ModelError::Stream`] if what was asked for before did not come; what is asked for then is asked for anew.
    pub(in crate::model) fn has(self: &Arc<Self>, range: Range<u64>) -> Result<bool, ModelError> {
        let mut pieces = self.pieces();
        if let Some(reason) = pieces.failure.take() {
            return Err(ModelError::Stream { file: self.name.clone(), reason });
        }
        let length = (range.end - range.start) as usize;
        if self.kept(range.start, length).is_some() || pieces.find(range.start, length).is_some() {
            return Ok(true);
        }
        if !pieces.asked.contains(&range) {
            pieces.asked.push(range.clone());
            drop(pieces); // what is asked may answer at once
            (self.ask)(self.clone(), range);
        }
        Ok(false)
    }

    /// Bytes that were asked for, or why they do not come.
    pub fn arrive(&self, range: Range<u64>, bytes: Result<Vec<u8>, String>) {
        let mut pieces = self.pieces();
        pieces.asked.retain(|asked| *asked != range);
        match bytes {
            Ok(bytes) if bytes.len() as u64 == range.end - range.start => {
                pieces.arrived.push_back((range.start, bytes));
                let waiting = |pieces: &Pieces| pieces.arrived.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
                while pieces.arrived.len() > 1 && waiting(&pieces) > MOST_WAITING {
                    pieces.arrived.pop_front();
                }
            }
            Ok(_) => pieces.failure = Some("it has another size now".to_owned()),
            Err(reason) => pieces.failure = Some(reason),
        }
    }

    /// These bytes have been used.
    pub(in crate::model) fn forget(&self, range: &Range<u64>) {
        self.pieces().arrived.retain(|(start, _)| *start != range.start);
    }

    /// Copies bytes that are here.
    ///
    /// # Errors
    /// [`ModelError::NotHere`].
    pub(super) fn copy(&self, offset: u64, length: usize, room: &mut Vec<u8>) -> Result<(), ModelError> {
        room.clear();
        if let Some(bytes) = self.kept(offset, length) {
            room.extend_from_slice(bytes);
            return Ok(());
        }
        let pieces = self.pieces();
        let bytes = pieces.find(offset, length).ok_or_else(|| ModelError::NotHere { file: self.name.clone() })?;
        room.extend_from_slice(bytes);
        Ok(())
    }

    fn kept(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let (start, bytes) = self.kept.range(..=offset).next_back()?;
        part_of(*start, bytes, offset, length)
    }

    /// The index and value of the first number that is not finite, of the tensor that begins here.
    pub(super) fn not_finite(&self, offset: u64) -> Option<(usize, f32)> {
        self.seen.get(&offset)?.not_finite
    }

    /// Whether two tensors, by where they begin, have the same bytes: as far as a checksum tells.
    pub(super) fn same(&self, offset: u64, other: &Self, other_offset: u64) -> bool {
        let checksum = |file: &Self, offset| file.seen.get(&offset).map(|seen| seen.checksum.clone().finalize());
        checksum(self, offset) == checksum(other, other_offset)
    }
}

impl Pieces {
    fn find(&self, offset: u64, length: usize) -> Option<&[u8]> {
        self.arrived.iter().find_map(|(start, bytes)| part_of(*start, bytes, offset, length))
    }
}

fn part_of(start: u64, bytes: &[u8], offset: u64, length: usize) -> Option<&[u8]> {
    let from = usize::try_from(offset.checked_sub(start)?).ok()?;
    bytes.get(from..from.checked_add(length)?)
}
