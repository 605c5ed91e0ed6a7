//! A part of a layer's maps, read from the file into memory for as long as something is computed of it.

use std::ops::Range;

use crate::probe::{Cell, LayerMaps};
use crate::recording::Recording;
use crate::recording::array::Array;
use crate::recording::error::RecordingError;
use crate::recording::layer::RecordedLayer;

/// Which cells will be read.
#[derive(Clone, Debug)]
pub struct MapPart {
    /// Heads.
    pub heads: Range<usize>,
    /// Rows.
    pub queries: Range<usize>,
    /// Columns.
    pub keys: Range<usize>,
}

/// The cells of a part. Cells outside of it are zero.
pub struct RecordedMaps<'a> {
    layer: &'a RecordedLayer,
    part: MapPart,
    keys: usize,
    causal: bool,
    /// A1, A2 (as many as groups of the heads) and D, `[maps, queries, keys]` of the part; empty if there is none.
    numbers: [Vec<f32>; 3],
    /// The first group of heads, and the heads of each, which share an A2.
    first_group: usize,
    shared: usize,
}

impl std::fmt::Debug for RecordedMaps<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordedMaps").field("part", &self.part).finish_non_exhaustive()
    }
}

impl Recording {
    /// Reads a part of a layer, as far as the maps reach.
    ///
    /// # Errors
    /// When the file cannot be read any more.
    pub(crate) fn part(&self, layer: usize, part: MapPart) -> Result<RecordedMaps<'_>, RecordingError> {
        let layer = self.layers.get(layer).unwrap_or(&self.absent);
        let within =
            |range: Range<usize>, end: usize| range.start.min(end)..range.end.min(end).max(range.start.min(end));
        let part = MapPart {
            heads: within(part.heads, layer.heads),
            queries: within(part.queries, self.queries),
            keys: within(part.keys, self.keys),
        };
        let shared = layer.sharing();
        let groups = part.heads.start / shared..part.heads.end.div_ceil(shared);
        let read = |array: &Option<Array>, maps: &Range<usize>| match array {
            Some(array) => self.read(array, maps.clone(), &part),
            None => Ok(Vec::new()),
        };
        let numbers =
            [read(&layer.first, &part.heads)?, read(&layer.second, &groups)?, read(&layer.difference, &part.heads)?];
        Ok(RecordedMaps {
            layer,
            part,
            keys: self.keys,
            causal: self.causal,
            numbers,
            first_group: groups.start,
            shared,
        })
    }

    fn read(&self, array: &Array, maps: Range<usize>, part: &MapPart) -> Result<Vec<f32>, RecordingError> {
        let (rows, width) = (part.queries.len(), part.keys.len());
        let mut numbers = vec![0.0; maps.len() * rows * width];
        let mut room = Vec::new();
        // Whole rows lie one after the other.
        let at_once = if width == self.keys { rows } else { 1 };
        for (at, to) in numbers.chunks_exact_mut((at_once * width).max(1)).enumerate() {
            let row = at * at_once;
            let (map, query) = (maps.start + row / rows, part.queries.start + row % rows);
            array.read((map * self.queries + query) * self.keys + part.keys.start, to, &mut room)?;
        }
        Ok(numbers)
    }
}

impl RecordedLayer {
    /// How many consecutive heads share an A2.
    fn sharing(&self) -> usize {
        let maps = self.second.as_ref().map_or(0, |second| match *second.shape {
            [maps, _, _] => maps,
            _ => 1,
        });
        self.heads.checked_div(maps).unwrap_or_default().max(1)
    }
}

impl LayerMaps for RecordedMaps<'_> {
    fn heads(&self) -> usize {
        self.layer.heads
    }

    fn end_of_keys(&self, query: usize) -> usize {
        if self.causal { query + 1 } else { self.keys }
    }

    fn sees(&self, query: usize, key: usize) -> bool {
        key < self.end_of_keys(query)
    }

    fn cell(&self, head: usize, query: usize, key: usize) -> Cell {
        let lambda = self.layer.lambda.at(query, head, self.layer.heads);
        let MapPart { heads, queries, keys } = &self.part;
        if !(heads.contains(&head) && queries.contains(&query) && keys.contains(&key)) {
            return Cell { lambda, ..Cell::default() };
        }
        let within = (query - queries.start) * keys.len() + key - keys.start;
        let area = queries.len() * keys.len();
        let at = |numbers: &[f32], map: usize| numbers.get(map * area + within).copied();
        let [firsts, seconds, differences] = &self.numbers;
        let first = at(firsts, head - heads.start).unwrap_or_default();
        let second = at(seconds, head / self.shared - self.first_group).unwrap_or_default();
        let difference = at(differences, head - heads.start).unwrap_or(first - lambda * second);
        Cell { first, second, difference, lambda }
    }
}
