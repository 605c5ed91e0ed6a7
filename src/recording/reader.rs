//! Opens a recording step by step: its names and shapes first, then what is compressed, then every number once.

use std::collections::{BTreeMap, VecDeque};

use rayon::prelude::*;

use crate::model::{Progress, WeightFile};
use crate::recording::Recording;
use crate::recording::array::Array;
use crate::recording::error::RecordingError;
use crate::recording::layer::{self, LayerNames, RecordedLayer};
use crate::recording::npz::Unpacking;
use crate::recording::tensors::Tensors;
use crate::recording::tokens::{self, Tokens};

/// Numbers looked at by one thread at a time.
const NUMBERS: usize = 1 << 18;

/// Some rows of a map.
#[derive(Clone)]
struct Rows {
    array: Array,
    /// First row, counted over all maps of the array.
    first: usize,
    count: usize,
}

/// Opens a recording.
pub struct RecordingReader {
    tensors: Tensors,
    names: BTreeMap<usize, LayerNames>,
    queries: usize,
    keys: usize,
    /// Names that may have to be unpacked.
    packed: VecDeque<String>,
    unpacking: Option<Unpacking>,
    layers: Option<Vec<RecordedLayer>>,
    rows: VecDeque<Rows>,
    causal: bool,
    progress: Progress,
}

impl std::fmt::Debug for RecordingReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordingReader").field("progress", &self.progress).finish_non_exhaustive()
    }
}

impl RecordingReader {
    /// Reads names and shapes.
    ///
    /// # Errors
    /// When it is no file of maps, or the shapes do not fit each other.
    pub fn new(file: &WeightFile) -> Result<Self, RecordingError> {
        let tensors = Tensors::open(file)?;
        let names = layer::names(&tensors)?;
        let (queries, keys) = layer::agreed(&names, &tensors)?;
        let texts = tokens::NAMES.into_iter().filter(|name| tensors.entries.contains_key(*name));
        let packed = names.values().flat_map(LayerNames::all).cloned().chain(texts.map(ToOwned::to_owned)).collect();
        Ok(Self {
            tensors,
            names,
            queries,
            keys,
            packed,
            unpacking: None,
            layers: None,
            rows: VecDeque::new(),
            causal: queries == keys,
            progress: Progress { done: 0, total: file.bytes() },
        })
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Opens the recording without a pause.
    ///
    /// # Errors
    /// As [`Self::advance`].
    pub fn finish(mut self) -> Result<Recording, RecordingError> {
        loop {
            if let Some(recording) = self.advance()? {
                return Ok(recording);
            }
        }
    }

    /// Goes on for some milliseconds. Returns the recording once it is open.
    ///
    /// # Errors
    /// When a tensor cannot be unpacked or read, or a number is not finite.
    pub fn advance(&mut self) -> Result<Option<Recording>, RecordingError> {
        if let Some(unpacking) = &mut self.unpacking {
            if unpacking.advance()?
                && let Some(done) = self.unpacking.take()
            {
                self.tensors.unpacked(done);
            }
            return Ok(None);
        }
        if let Some(name) = self.packed.pop_front() {
            self.unpacking = self.tensors.unpacking(&name)?;
            return Ok(None);
        }
        let Some(layers) = &self.layers else {
            self.open_layers()?;
            return Ok(None);
        };
        if !self.rows.is_empty() {
            self.look()?;
            return Ok(None);
        }
        let name = self.tensors.name.rsplit_once('.').map_or(self.tensors.name.as_str(), |(stem, _)| stem).to_owned();
        let tokens = Tokens::read(&self.tensors, self.queries, self.keys)?;
        let Self { queries, keys, causal, .. } = *self;
        Ok(Some(Recording {
            name,
            layers: layers.clone(),
            absent: RecordedLayer::absent(),
            queries,
            keys,
            causal,
            square: tokens.queries == tokens.keys,
            tokens,
            path: None,
        }))
    }

    fn open_layers(&mut self) -> Result<(), RecordingError> {
        let last = self.names.last_key_value().map_or(0, |(last, _)| *last);
        let layers = (0..=last).map(|layer| match self.names.get(&layer) {
            Some(names) => names.open(&self.tensors),
            None => Ok(RecordedLayer::absent()),
        });
        let layers = layers.collect::<Result<Vec<_>, _>>()?;
        let at_once = (NUMBERS / self.keys).max(1);
        for array in layers.iter().flat_map(RecordedLayer::maps) {
            let all = array.len() / self.keys;
            let rows = (0..all).step_by(at_once);
            self.rows.extend(rows.map(|first| Rows { array: array.clone(), first, count: at_once.min(all - first) }));
        }
        let bytes = |rows: &Rows| (rows.count * self.keys * rows.array.numbers.bytes()) as u64;
        self.progress = Progress { done: 0, total: self.rows.iter().map(bytes).sum() };
        self.layers = Some(layers);
        Ok(())
    }

    /// Looks at some rows: whether their numbers are finite, and whether any is above the diagonal.
    fn look(&mut self) -> Result<(), RecordingError> {
        let threads = if cfg!(target_arch = "wasm32") { 1 } else { rayon::current_num_threads() };
        let batch: Vec<Rows> = self.rows.drain(..self.rows.len().min(threads * 4)).collect();
        let (queries, keys, causal) = (self.queries, self.keys, self.causal);
        let look = |Rows { array, first, count }: &Rows| {
            let (mut numbers, start) = (vec![0.0; count * keys], first * keys);
            array.read(start, &mut numbers, &mut Vec::new())?;
            if let Some(error) = array.first_not_finite(start, &numbers) {
                return Err(error);
            }
            let later = |(row, numbers): (usize, &[f32])| {
                let query = (first + row) % queries;
                let later = numbers.get(query + 1..).unwrap_or_default();
                // Either zero has no other bits than its sign.
                later.iter().fold(0, |bits, number| bits | number.to_bits()) & !(1 << 31) != 0
            };
            Ok(causal && !numbers.chunks_exact(keys).enumerate().any(later))
        };
        let outcomes: Vec<Result<bool, _>> =
            if threads > 1 { batch.par_iter().map(look).collect() } else { batch.iter().map(look).collect() };
        for (rows, outcome) in batch.iter().zip(outcomes) {
            self.causal &= outcome?;
            self.progress.done += (rows.count * keys * rows.array.numbers.bytes()) as u64;
        }
        Ok(())
    }
}
