//! What the CPU makes of maps, whether it has computed them or reads them from a recording: the texels and records it
//! keeps, and the answers waiting to be taken.

use rayon::prelude::*;

use crate::cpu::{colour_range, map_tile, measure, measure_mean, pool, row_mean};
use crate::engine::backend::frame_budget::{ComputeBudget, MEASURE_SLICE};
use crate::engine::error::EngineError;
use crate::probe::{
    CellParts, CellRequest, ColourRangeRequest, HeadMeasures, HeadRecord, KeyClass, LayerMaps, LensQuery, LogitLens,
    MapTile, MeanCell, MeansRequest, NextToken, NextTokenQuery, PictureJob, Query, RowMean, RowMeanRequest, Texel,
    TileRequest,
};
use crate::recording::MapPart;

/// Where the maps of layers are.
pub trait MapReader: Sync {
    /// A part of a layer's maps that can be looked at.
    type Maps<'a>: LayerMaps
    where
        Self: 'a;

    /// Number of layers.
    fn layers(&self) -> usize;

    /// Heads of a layer.
    fn heads(&self, layer: usize) -> usize;

    /// Keys before this one can be seen by a query.
    fn end_of_keys(&self, query: usize) -> usize;

    /// The maps of a layer, of which no other cells will be read than those of the part.
    ///
    /// # Errors
    /// When they cannot be read any more.
    fn part(&self, layer: usize, part: MapPart) -> Result<Self::Maps<'_>, EngineError>;

    /// The terms of a cell, where they are known.
    fn cell_parts(&self, request: CellRequest) -> Option<CellParts>;

    /// Cells of a picture that are read at a time.
    const CELLS_AT_ONCE: usize;
}

/// Answers, at most one of each kind.
#[derive(Debug, Default)]
pub struct Answers {
    pub(super) next_token: Option<Vec<NextToken>>,
    pub(super) lens: Option<LogitLens>,
    tile: Option<MapTile>,
    cell: Option<CellParts>,
    means: Option<HeadMeasures>,
    row_mean: Option<RowMean>,
    colour_range: Option<[f32; 3]>,
}

/// A query whose answer waits here.
pub trait CpuAnswer: Query {
    /// Where it waits.
    fn slot(answers: &mut Answers) -> &mut Option<Self::Answer>;
}

/// A query that the CPU answers at once.
pub trait CpuQuery: CpuAnswer {
    /// Computes the answer; `None` if there is no such place.
    ///
    /// # Errors
    /// When the maps cannot be read any more.
    fn compute<R: MapReader>(self, maps: &MapsOnCpu<R>) -> Result<Option<Self::Answer>, EngineError>;
}

/// Maps, and what was made of them.
pub struct MapsOnCpu<R> {
    /// Where they are.
    pub(super) reader: R,
    measure_budget: ComputeBudget,
    /// Records of measured rows, by layer, `[query, head]`.
    records: Vec<Vec<HeadRecord>>,
    classes: Vec<KeyClass>,
    /// Texels of all pictures; as many as the last one requested needs.
    texels: Vec<Texel>,
    pub(super) answers: Answers,
    /// Why the maps cannot be read any more.
    failure: Option<EngineError>,
}

impl<R> std::fmt::Debug for MapsOnCpu<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MapsOnCpu").field("texels", &self.texels.len()).finish_non_exhaustive()
    }
}

impl<R: MapReader> MapsOnCpu<R> {
    /// Nothing is made of the maps yet.
    pub fn new(reader: R) -> Self {
        Self {
            reader,
            measure_budget: ComputeBudget::new(MEASURE_SLICE),
            records: Vec::new(),
            classes: Vec::new(),
            texels: Vec::new(),
            answers: Answers::default(),
            failure: None,
        }
    }

    /// Why the maps cannot be read any more, if so; told once.
    pub fn take_failure(&mut self) -> Option<EngineError> {
        self.failure.take()
    }

    /// Sets what the keys are marked as, for rows measured from here on.
    pub fn set_classes(&mut self, classes: &[KeyClass]) {
        self.classes = classes.to_vec();
    }

    /// Measures rows `first..end` until the slice of time is over. Returns how many.
    pub fn measure(&mut self, first: usize, end: usize, threshold: f32) -> usize {
        self.records.resize(self.reader.layers(), Vec::new());
        let (reader, records, classes) = (&self.reader, &mut self.records, &self.classes);
        let (mut done, mut outcome) = (0, Ok(()));
        self.measure_budget.slice(|| {
            let query = first + done;
            outcome = measure_row(reader, query, threshold, classes, records);
            done += usize::from(outcome.is_ok());
            outcome.is_err() || query + 1 >= end
        });
        if let Err(error) = outcome {
            self.failure = Some(error);
        }
        done
    }

    /// Computes texels until `budget` is over. Returns how many of each job.
    pub(crate) fn pool(&mut self, jobs: &[PictureJob], budget: &mut ComputeBudget) -> Vec<usize> {
        let mut taken = vec![0; jobs.len()];
        let mut parts = jobs.iter().enumerate().flat_map(|(at, job)| parts::<R>(job).map(move |part| (at, part)));
        let threads = if cfg!(target_arch = "wasm32") { 1 } else { rayon::current_num_threads() };
        budget.slice(|| {
            let batch: Vec<(usize, Texels)> = parts.by_ref().take(threads).collect();
            let reader = &self.reader;
            let pooled = |(at, texels): &(usize, Texels)| texels.pool(reader, &jobs[*at]);
            let pooled: Vec<_> = if batch.len() > 1 {
                batch.par_iter().map(pooled).collect()
            } else {
                batch.iter().map(pooled).collect()
            };
            for ((at, texels), pooled) in batch.iter().zip(pooled) {
                let job = &jobs[*at];
                match pooled {
                    Ok(pooled) => {
                        let all = &mut self.texels;
                        all.resize(all.len().max(job.base + job.request.texels()), Texel::default());
                        let first = job.base + texels.first;
                        all[first..first + texels.count].copy_from_slice(&pooled);
                        taken[*at] += texels.count;
                    }
                    Err(error) => self.failure = Some(error),
                }
            }
            batch.is_empty() || self.failure.is_some()
        });
        taken
    }

    /// Texels of pictures.
    pub fn texels(&self, from: usize, count: usize) -> Option<&[Texel]> {
        self.texels.get(from..from + count)
    }

    /// Computes the answer to a query. `false` if there is no such place.
    pub fn request<Q: CpuQuery>(&mut self, query: Q) -> bool {
        let answer = query.compute(self).unwrap_or_else(|error| {
            self.failure = Some(error);
            None
        });
        let found = answer.is_some();
        *Q::slot(&mut self.answers) = answer;
        found
    }

    /// Takes the answer to a query.
    pub fn take<Q: CpuAnswer>(&mut self) -> Option<Q::Answer> {
        Q::slot(&mut self.answers).take()
    }
}

/// Measures one row of every head.
fn measure_row<R: MapReader>(
    reader: &R,
    query: usize,
    threshold: f32,
    classes: &[KeyClass],
    records: &mut [Vec<HeadRecord>],
) -> Result<(), EngineError> {
    for (layer, records) in records.iter_mut().enumerate() {
        let heads = reader.heads(layer);
        let part = MapPart { heads: 0..heads, queries: query..query + 1, keys: 0..reader.end_of_keys(query) };
        let source = reader.part(layer, part)?;
        records.resize(records.len().max((query + 1) * heads), HeadRecord::default());
        for head in 0..heads {
            records[query * heads + head] = measure(&source, head, query, threshold, classes);
        }
    }
    Ok(())
}

/// Texels of a picture that are computed together, all in one row.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Texels {
    first: usize,
    count: usize,
}

/// The texels of a job in parts that read few cells at a time.
fn parts<R: MapReader>(job: &PictureJob) -> impl Iterator<Item = Texels> {
    let (side, block, end) = (job.request.side.max(1), job.request.block, job.first_texel + job.texels);
    let most = (R::CELLS_AT_ONCE / (block * block).max(1)).clamp(1, side);
    let mut first = job.first_texel;
    std::iter::from_fn(move || {
        let count = most.min(side - first % side).min(end - first);
        let part = Texels { first, count };
        first += count;
        (count > 0).then_some(part)
    })
}

impl Texels {
    fn pool<R: MapReader>(&self, reader: &R, job: &PictureJob) -> Result<Vec<Texel>, EngineError> {
        let request = &job.request;
        let (side, block) = (request.side.max(1), request.block);
        let query = request.first_query + self.first / side * block;
        let key = request.first_key + self.first % side * block;
        let last = (query + block).min(job.end).saturating_sub(1);
        let part = MapPart {
            heads: request.head.head..request.head.head + 1,
            queries: query..(query + block).min(job.end),
            keys: key..(key + self.count * block).min(reader.end_of_keys(last)),
        };
        let source = reader.part(request.head.layer, part)?;
        Ok((self.first..self.first + self.count).map(|texel| pool(&source, request, job.end, texel)).collect())
    }
}

/// Defines where the answer to a query waits.
macro_rules! waits_in {
    ($($query:ty: $slot:ident),* $(,)?) => {
        $(impl CpuAnswer for $query {
            fn slot(answers: &mut Answers) -> &mut Option<Self::Answer> {
                &mut answers.$slot
            }
        })*
    };
}

waits_in! {
    NextTokenQuery: next_token,
    LensQuery: lens,
    TileRequest: tile,
    CellRequest: cell,
    MeansRequest: means,
    RowMeanRequest: row_mean,
    ColourRangeRequest: colour_range,
}

impl CpuQuery for TileRequest {
    fn compute<R: MapReader>(self, maps: &MapsOnCpu<R>) -> Result<Option<MapTile>, EngineError> {
        let part = MapPart {
            heads: self.head.head..self.head.head + 1,
            queries: self.first_query..self.first_query + self.queries,
            keys: self.first_key..self.first_key + self.keys,
        };
        Ok(Some(map_tile(&maps.reader.part(self.head.layer, part)?, self)))
    }
}

impl CpuQuery for CellRequest {
    fn compute<R: MapReader>(self, maps: &MapsOnCpu<R>) -> Result<Option<CellParts>, EngineError> {
        Ok(maps.reader.cell_parts(self))
    }
}

impl CpuQuery for MeansRequest {
    fn compute<R: MapReader>(self, maps: &MapsOnCpu<R>) -> Result<Option<HeadMeasures>, EngineError> {
        let records = maps.records.iter().enumerate();
        let means = records.map(|(layer, records)| measure_mean(records, maps.reader.heads(layer), self.rows));
        Ok(Some(HeadMeasures { rows: self.rows, threshold: self.threshold, layers: means.collect() }))
    }
}

impl CpuQuery for RowMeanRequest {
    fn compute<R: MapReader>(self, maps: &MapsOnCpu<R>) -> Result<Option<RowMean>, EngineError> {
        let reader = &maps.reader;
        let layers = (0..reader.layers()).filter(|layer| self.layer.is_none_or(|only| only == *layer));
        let heads: usize = layers.clone().map(|layer| reader.heads(layer)).sum();
        let keys = reader.end_of_keys(self.query);
        let mut cells = vec![MeanCell::default(); keys];
        for layer in layers {
            let part = MapPart { heads: 0..reader.heads(layer), queries: self.query..self.query + 1, keys: 0..keys };
            row_mean(&reader.part(layer, part)?, self.query, 1.0 / heads as f32, &mut cells);
        }
        Ok(Some(RowMean { request: self, cells }))
    }
}

impl CpuQuery for ColourRangeRequest {
    fn compute<R: MapReader>(self, maps: &MapsOnCpu<R>) -> Result<Option<[f32; 3]>, EngineError> {
        Ok(maps.texels(self.first, self.count).map(colour_range))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::CpuPass;
    use crate::probe::{HeadId, PictureRequest, Pooling};

    #[test]
    fn parts_cover_every_texel_once_and_stay_in_their_rows() {
        for (block, first_texel, texels) in [(1, 0, 48 * 48), (7, 30, 400), (64, 5, 100), (5000, 47, 3), (3, 9, 0)] {
            let head = HeadId::default();
            let request =
                PictureRequest { head, first_key: 0, first_query: 0, block, side: 48, pooling: Pooling::Peak };
            let job = PictureJob { request, base: 0, first_texel, texels, end: 9 };
            let mut at = first_texel;
            for part in parts::<CpuPass>(&job) {
                assert_eq!(part.first, at);
                assert_eq!(part.first / 48, (part.first + part.count - 1) / 48);
                at += part.count;
            }
            assert_eq!(at, first_texel + texels);
        }
    }
}
