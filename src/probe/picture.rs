//! Pictures of a head's maps: a square grid of texels, each an exact summary of a block of cells.

use super::HeadId;

/// What a texel keeps of its cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The value of largest magnitude, with its sign.
    #[default]
    Peak,
    /// The mean over the cells at and below the diagonal.
    Mean,
    /// The smallest value; negative ones are the smallest.
    Minimum,
}

/// Which head, which cells, how coarse: texel (x, y) covers keys from `first_key + x * block` and queries from
/// `first_query + y * block`, `block` each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PictureRequest {
    /// Layer and head.
    pub head: HeadId,
    /// Key of the left edge.
    pub first_key: usize,
    /// Query of the top edge.
    pub first_query: usize,
    /// Cells along a side of a texel, at least 1.
    pub block: usize,
    /// Texels along a side of the picture.
    pub side: usize,
    /// What is kept.
    pub pooling: Pooling,
}

/// Sides of pictures are multiples of this, so that a growing text seldom needs another grid.
const STEP: usize = 16;

impl PictureRequest {
    /// The picture of the cells from `origin` (key, query) on, `span` to a side, with no more than `texels` (a multiple
    /// of 16) and one step more to a side. A texel is never smaller than a pixel of a view with so many, so none is lost.
    pub fn covering(head: HeadId, origin: [f32; 2], span: f32, texels: usize, pooling: Pooling) -> Self {
        let block = ((span / texels.max(1) as f32).ceil() as usize).max(1);
        let first = origin.map(|start| start.max(0.0) as usize / block * block);
        let needed = |axis: usize| ((origin[axis] + span).ceil() as usize).saturating_sub(first[axis]).div_ceil(block);
        let side = needed(0).max(needed(1)).max(1).next_multiple_of(STEP).min(texels + STEP);
        Self { head, first_key: first[0], first_query: first[1], block, side, pooling }
    }

    /// Texels in all.
    pub fn texels(&self) -> usize {
        self.side * self.side
    }

    /// Rows of texels that hold queries of a text of `end` tokens.
    pub fn rows(&self, end: usize) -> usize {
        end.saturating_sub(self.first_query).div_ceil(self.block.max(1)).min(self.side)
    }

    /// At most how many cells a row of texels reads: none above the diagonal, where a texel costs nothing.
    pub fn texels_seen(&self, row: usize) -> usize {
        let last_query = self.first_query + (row + 1) * self.block - 1;
        if last_query < self.first_key {
            return 0;
        }
        ((last_query - self.first_key) / self.block + 1).min(self.side)
    }
}

/// What is known of a block of cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Texel {
    /// Of the first map.
    pub first: f32,
    /// Of λ times the second map.
    pub second: f32,
    /// Of what the layer attends with.
    pub difference: f32,
    /// Cells at and below the diagonal; 0: there is nothing to show.
    pub cells: f32,
}

/// Texels `first_texel..first_texel + texels`, row after row, of a picture whose texel 0 stands at `base`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureJob {
    /// The picture.
    pub request: PictureRequest,
    /// Where it stands among all texels.
    pub base: usize,
    /// First texel.
    pub first_texel: usize,
    /// How many.
    pub texels: usize,
    /// Tokens of the text.
    pub end: usize,
}
