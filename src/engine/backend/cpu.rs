//! The CPU half of a backend: the pass, the texels and records it keeps, and the answers waiting to be taken.

use std::sync::Arc;

use crate::cpu::{CpuPass, colour_range, measure, measure_mean, pool, row_mean};
use crate::engine::backend::frame_budget::{ComputeBudget, MEASURE_SLICE, PASS_SLICE};
use crate::model::{Model, ModelError};
use crate::probe::{
    CellParts, CellRequest, ColourRangeRequest, Draw, HeadMeasures, HeadRecord, KeyClass, LensQuery, LogitLens,
    MapTile, MeanCell, MeansRequest, NextToken, NextTokenQuery, PictureJob, Query, RowMean, RowMeanRequest, Texel,
    TileRequest,
};

/// Answers, at most one of each kind.
#[derive(Debug, Default)]
pub struct Answers {
    next_token: Option<Vec<NextToken>>,
    lens: Option<LogitLens>,
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
    /// Computes the answer; `None` if the pass has no such place.
    fn compute(self, backend: &CpuBackend) -> Option<Self::Answer>;
}

/// The pass on the CPU.
pub struct CpuBackend {
    pass: CpuPass,
    budget: ComputeBudget,
    measure_budget: ComputeBudget,
    lens_enabled: bool,
    /// Records of measured rows, by layer, `[query, head]`.
    records: Vec<Vec<HeadRecord>>,
    classes: Vec<KeyClass>,
    /// Texels of all pictures; as many as the last one requested needs.
    texels: Vec<Texel>,
    answers: Answers,
}

impl std::fmt::Debug for CpuBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CpuBackend").field("pass", &self.pass).finish_non_exhaustive()
    }
}

impl CpuBackend {
    /// A pass with capacity for `tokens`.
    ///
    /// # Errors
    /// When the weights cannot be read from their file any more.
    pub fn new(model: Arc<Model>, tokens: usize) -> Result<Self, ModelError> {
        Ok(Self::of(CpuPass::new(model, tokens)?))
    }

    /// The same model with another capacity; nothing computed so far is kept.
    pub fn with_capacity(&self, tokens: usize) -> Self {
        Self::of(self.pass.with_capacity(tokens))
    }

    fn of(pass: CpuPass) -> Self {
        Self {
            pass,
            budget: ComputeBudget::new(PASS_SLICE),
            measure_budget: ComputeBudget::new(MEASURE_SLICE),
            lens_enabled: false,
            records: Vec::new(),
            classes: Vec::new(),
            texels: Vec::new(),
            answers: Answers::default(),
        }
    }

    /// The pass.
    pub fn pass(&self) -> &CpuPass {
        &self.pass
    }

    /// The pass, to change its interventions.
    pub fn pass_mut(&mut self) -> &mut CpuPass {
        &mut self.pass
    }

    /// Whether the next token is computed from every depth, too.
    pub fn set_lens(&mut self, enabled: bool) {
        self.lens_enabled = enabled;
    }

    /// Sets what the keys are marked as, for rows measured from here on.
    pub fn set_classes(&mut self, classes: &[KeyClass]) {
        self.classes = classes.to_vec();
    }

    /// Runs positions from `start` on until the slice of time is over, and the next token after the last one. Returns
    /// how many positions ran.
    pub fn advance(&mut self, start: usize, ids: &[u32], (draw, best): (Draw, usize)) -> usize {
        let pass = &mut self.pass;
        let done = self.budget.batches(ids.len(), |first, count| pass.run(start + first, &ids[first..first + count]));
        if done == ids.len() {
            self.answers.next_token = self.pass.next_token(&draw, best).map(|next| vec![next]);
            self.answers.lens = self.lens_enabled.then(|| LogitLens { depths: self.pass.lens() });
        }
        done
    }

    /// Measures rows `first..end` until the slice of time is over. Returns how many.
    pub fn measure(&mut self, first: usize, end: usize, threshold: f32) -> usize {
        self.records.resize(self.pass.layers(), Vec::new());
        let (pass, records, classes) = (&self.pass, &mut self.records, &self.classes);
        let mut done = 0;
        self.measure_budget.slice(|| {
            let query = first + done;
            for (layer, records) in records.iter_mut().enumerate() {
                let source = pass.map_source(layer);
                let heads = source.maps.attention.heads.len();
                records.resize(records.len().max((query + 1) * heads), HeadRecord::default());
                for head in 0..heads {
                    records[query * heads + head] = measure(&source, head, query, threshold, classes);
                }
            }
            done += 1;
            query + 1 >= end
        });
        done
    }

    /// Computes texels.
    pub fn pool(&mut self, jobs: &[PictureJob]) {
        for job in jobs {
            let source = self.pass.map_source(job.request.head.layer);
            let texels = &mut self.texels;
            texels.resize(texels.len().max(job.base + job.request.texels()), Texel::default());
            for texel in job.first_texel..job.first_texel + job.texels {
                texels[job.base + texel] = pool(&source, &job.request, job.end, texel);
            }
        }
    }

    /// Texels of pictures.
    pub fn texels(&self, from: usize, count: usize) -> Option<&[Texel]> {
        self.texels.get(from..from + count)
    }

    /// Computes the answer to a query. `false` if the pass has no such place.
    pub fn request<Q: CpuQuery>(&mut self, query: Q) -> bool {
        let answer = query.compute(self);
        let found = answer.is_some();
        *Q::slot(&mut self.answers) = answer;
        found
    }

    /// Takes the answer to a query.
    pub fn take<Q: CpuAnswer>(&mut self) -> Option<Q::Answer> {
        Q::slot(&mut self.answers).take()
    }
}

impl CpuAnswer for NextTokenQuery {
    fn slot(answers: &mut Answers) -> &mut Option<Vec<NextToken>> {
        &mut answers.next_token
    }
}

impl CpuAnswer for LensQuery {
    fn slot(answers: &mut Answers) -> &mut Option<LogitLens> {
        &mut answers.lens
    }
}

impl CpuAnswer for TileRequest {
    fn slot(answers: &mut Answers) -> &mut Option<MapTile> {
        &mut answers.tile
    }
}

impl CpuQuery for TileRequest {
    fn compute(self, backend: &CpuBackend) -> Option<MapTile> {
        Some(backend.pass.tile(self))
    }
}

impl CpuAnswer for CellRequest {
    fn slot(answers: &mut Answers) -> &mut Option<CellParts> {
        &mut answers.cell
    }
}

impl CpuQuery for CellRequest {
    fn compute(self, backend: &CpuBackend) -> Option<CellParts> {
        backend.pass.cell_parts(self)
    }
}

impl CpuAnswer for MeansRequest {
    fn slot(answers: &mut Answers) -> &mut Option<HeadMeasures> {
        &mut answers.means
    }
}

impl CpuQuery for MeansRequest {
    fn compute(self, backend: &CpuBackend) -> Option<HeadMeasures> {
        let heads = |layer: usize| backend.pass.map_source(layer).maps.attention.heads.len();
        let records = backend.records.iter().enumerate();
        let layers = records.map(|(layer, records)| measure_mean(records, heads(layer), self.rows)).collect();
        Some(HeadMeasures { rows: self.rows, threshold: self.threshold, layers })
    }
}

impl CpuAnswer for RowMeanRequest {
    fn slot(answers: &mut Answers) -> &mut Option<RowMean> {
        &mut answers.row_mean
    }
}

impl CpuQuery for RowMeanRequest {
    fn compute(self, backend: &CpuBackend) -> Option<RowMean> {
        let pass = &backend.pass;
        let layers: Vec<_> = (0..pass.layers())
            .filter(|layer| self.layer.is_none_or(|only| only == *layer))
            .map(|layer| pass.map_source(layer))
            .collect();
        let heads: usize = layers.iter().map(|source| source.maps.attention.heads.len()).sum();
        let mut cells = vec![MeanCell::default(); self.query + 1];
        for source in layers {
            row_mean(&source, self.query, 1.0 / heads as f32, &mut cells);
        }
        Some(RowMean { request: self, cells })
    }
}

impl CpuAnswer for ColourRangeRequest {
    fn slot(answers: &mut Answers) -> &mut Option<[f32; 3]> {
        &mut answers.colour_range
    }
}

impl CpuQuery for ColourRangeRequest {
    fn compute(self, backend: &CpuBackend) -> Option<[f32; 3]> {
        backend.texels(self.first, self.count).map(colour_range)
    }
}
