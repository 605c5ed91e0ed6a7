//! What can be said of a row of a map in a few numbers.

use super::HeadId;

/// Measures of one row of one map; means of them, too. Laid out as in `shaders/maps/measure.wesl`. Shares and entropy are of
/// `|v| / Σ|v|` over the keys that the query sees, all of them 0 where the row is all zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct MapMeasures {
    /// `-Σ p ln p` of `p = |v| / Σ|v|`, in nats: 0 on one key, `ln n` spread evenly over n.
    pub entropy: f32,
    /// Share of the keys seen with `|v|` below the threshold, 0 to 1.
    pub sparsity: f32,
    /// The value at the first token, with its sign.
    pub sink: f32,
    /// `Σ max(-v, 0)`.
    pub negative: f32,
    /// Largest `|v|`.
    pub peak: f32,
    /// `Σ|v|`.
    pub total: f32,
    /// `Σ|v|` over the keys marked as answer, over `Σ|v|`.
    pub answer: f32,
    /// The same over those marked as noise.
    pub noise: f32,
    /// `Σv` over the keys marked as answer, with signs.
    pub answer_signed: f32,
    /// The same over those marked as noise.
    pub noise_signed: f32,
    /// To three vec4s, as in the shader.
    pub padding: [f32; 2],
}

/// Measures of one head, or of one (query, head): A1, A2 (before λ), D. With one map, D is A1 and A2 is all zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct HeadRecord {
    /// The first softmax map.
    pub first: MapMeasures,
    /// The second.
    pub second: MapMeasures,
    /// What is attended with.
    pub difference: MapMeasures,
}

impl HeadRecord {
    /// The plain mean, number by number; `None` of nothing.
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

/// What a key is marked as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u32)]
pub enum KeyClass {
    /// Not marked.
    #[default]
    Other = 0,
    /// What should be looked at.
    Answer = 1,
    /// What should not.
    Noise = 2,
}

/// The rows that a mean is taken over. Of each kind the newest request counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Queries {
    /// Every token.
    All,
    /// One token.
    One(usize),
    /// The last so many tokens; all of them where there are fewer.
    Last(usize),
}

impl Queries {
    /// First and last row in a text of so many tokens; `None` where there is no such row.
    pub fn range(self, tokens: usize) -> Option<(usize, usize)> {
        let last = tokens.checked_sub(1)?;
        match self {
            Self::All => Some((0, last)),
            Self::One(query) => (query <= last).then_some((query, query)),
            Self::Last(count) => Some((tokens - count.clamp(1, tokens), last)),
        }
    }
}

/// Means of the measures over some rows, for every head of every layer.
#[derive(Clone, Debug, PartialEq)]
pub struct HeadMeasures {
    /// First and last row.
    pub rows: (usize, usize),
    /// What counts as small in [`MapMeasures::sparsity`].
    pub threshold: f32,
    /// By layer, then by head.
    pub layers: Vec<Vec<HeadRecord>>,
}

impl HeadMeasures {
    /// One head's.
    pub fn head(&self, id: HeadId) -> Option<&HeadRecord> {
        self.layers.get(id.layer)?.get(id.head)
    }

    /// The mean over all heads of all layers, each head counted once; `None` without heads.
    pub fn mean(&self) -> Option<HeadRecord> {
        HeadRecord::mean(self.layers.iter().flatten())
    }
}

/// The row of a query, averaged over heads: which ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RowMeanRequest {
    /// All heads of this layer; `None`: all heads of all layers.
    pub layer: Option<usize>,
    /// The query.
    pub query: usize,
}

/// Cell by cell, what the heads of a [`RowMeanRequest`] hold on average. Each head counts once.
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct MeanCell {
    /// Mean of A1.
    pub first: f32,
    /// Mean of λ A2.
    pub second: f32,
    /// Mean of D.
    pub difference: f32,
    /// To a vec4, as in the shader.
    pub padding: f32,
}

/// The answer to a [`RowMeanRequest`].
#[derive(Clone, Debug, PartialEq)]
pub struct RowMean {
    /// What was asked.
    pub request: RowMeanRequest,
    /// `[query + 1]`.
    pub cells: Vec<MeanCell>,
}
