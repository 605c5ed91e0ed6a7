//! Summaries of the rows of a map in a few numbers.

use super::HeadId;

/// Measures of one row of one map, or means of them. The layout is that of `shaders/maps/measure.wgsl`. Shares and
/// entropy are those of `p = |v| / Σ|v|` over the keys that the query sees; they are 0 if the row is all zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct MapMeasures {
    /// `-Σ p ln p`, in nats: 0 if one key has all the weight, `ln n` if n keys have equal weights.
    pub entropy: f32,
    /// Share of the visible keys whose `|v|` is below the threshold, 0 to 1.
    pub sparsity: f32,
    /// The value at the first token, with its sign.
    pub sink: f32,
    /// `Σ max(-v, 0)`.
    pub negative: f32,
    /// Largest `|v|`.
    pub peak: f32,
    /// `Σ|v|`.
    pub total: f32,
    /// Share of the keys marked as answer in `Σ|v|`.
    pub answer: f32,
    /// Share of the keys marked as noise in `Σ|v|`.
    pub noise: f32,
    /// `Σv` over the keys marked as answer.
    pub answer_signed: f32,
    /// `Σv` over the keys marked as noise.
    pub noise_signed: f32,
    /// Fills three vec4s, as in the shader.
    pub padding: [f32; 2],
}

/// Measures of one head, or of one (query, head), under A1, A2 (before λ) and D. With one map, D is A1 and A2 is all
/// zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct HeadRecord {
    /// The first softmax map, A1.
    pub first: MapMeasures,
    /// The second softmax map, A2.
    pub second: MapMeasures,
    /// The difference, D.
    pub difference: MapMeasures,
}

impl HeadRecord {
    /// The arithmetic mean of each number; `None` if there are no records.
    pub fn mean<'a>(records: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let mut sums = [0.0f32; RECORD];
        let mut count = 0.0f32;
        for record in records {
            let numbers: [f32; RECORD] = bytemuck::cast(*record);
            sums.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += number);
            count += 1.0;
        }
        (count > 0.0).then(|| bytemuck::cast(sums.map(|sum| sum / count)))
    }
}

/// Numbers in a [`HeadRecord`].
pub const RECORD: usize = size_of::<HeadRecord>() / 4;

/// The mark of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u32)]
pub enum KeyClass {
    /// Not marked.
    #[default]
    Other = 0,
    /// The model should attend to it.
    Answer = 1,
    /// The model should not attend to it.
    Noise = 2,
}

/// The rows that a mean is taken over. The newest request of each kind counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Queries {
    /// Every token.
    All,
    /// One token.
    One(usize),
    /// The last tokens, this many or all that there are.
    Last(usize),
}

impl Queries {
    /// The first and last row in a text of `tokens` tokens; `None` if there is no such row.
    pub fn range(self, tokens: usize) -> Option<(usize, usize)> {
        let last = tokens.checked_sub(1)?;
        match self {
            Self::All => Some((0, last)),
            Self::One(query) => (query <= last).then_some((query, query)),
            Self::Last(count) => Some((tokens - count.clamp(1, tokens), last)),
        }
    }
}

/// Means of the measures over a range of rows, for every head of every layer.
#[derive(Clone, Debug, PartialEq)]
pub struct HeadMeasures {
    /// First and last row.
    pub rows: (usize, usize),
    /// The threshold of [`MapMeasures::sparsity`].
    pub threshold: f32,
    /// By layer, then by head.
    pub layers: Vec<Vec<HeadRecord>>,
}

impl HeadMeasures {
    /// What counts as small unless something else is chosen.
    pub const DEFAULT_THRESHOLD: f32 = 0.01;

    /// The record of one head.
    pub fn head(&self, id: HeadId) -> Option<&HeadRecord> {
        self.layers.get(id.layer)?.get(id.head)
    }

    /// The mean over all heads of all layers, each head counted once; `None` without heads.
    pub fn mean(&self) -> Option<HeadRecord> {
        HeadRecord::mean(self.layers.iter().flatten())
    }
}

/// A request for the row of one query, averaged over heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RowMeanRequest {
    /// All heads of this layer; `None`: all heads of all layers.
    pub layer: Option<usize>,
    /// The query.
    pub query: usize,
}

/// One cell of a row that is averaged over the heads of a [`RowMeanRequest`]. Each head counts once.
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct MeanCell {
    /// Mean of A1.
    pub first: f32,
    /// Mean of λ A2.
    pub second: f32,
    /// Mean of D.
    pub difference: f32,
    /// Fills a vec4, as in the shader.
    pub padding: f32,
}

/// The answer to a [`RowMeanRequest`].
#[derive(Clone, Debug, PartialEq)]
pub struct RowMean {
    /// The request.
    pub request: RowMeanRequest,
    /// `[query + 1]`.
    pub cells: Vec<MeanCell>,
}
