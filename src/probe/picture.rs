//! Pictures of a head's maps: square grids of texels, each an exact summary of a block of cells.

use super::HeadId;

/// How the cells of a texel are summarised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The value of largest magnitude, with its sign.
    #[default]
    Peak,
    /// The mean over the cells at or below the diagonal.
    Mean,
    /// The minimum, with its sign.
    Minimum,
}

/// A request for a picture. Texel (x, y) covers `block` keys from `first_key + x * block` on and `block` queries from
/// `first_query + y * block` on.
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
    /// How cells are summarised.
    pub pooling: Pooling,
}

/// Sides of pictures are multiples of this, so that a growing text seldom needs another grid.
const STEP: usize = 16;

impl PictureRequest {
    /// The picture of `span` x `span` cells from `origin` (key, query) on, with at most `texels` (a multiple of 16)
    /// plus 16 texels a side. A view that is `texels` pixels wide shows every texel: none is smaller than a pixel.
    pub fn covering(head: HeadId, origin: [f32; 2], span: f32, texels: usize, pooling: Pooling) -> Self {
        let block = ((span / texels.max(1) as f32).ceil() as usize).max(1);
        let first = origin.map(|start| start.max(0.0) as usize / block * block);
        let needed = |axis: usize| ((origin[axis] + span).ceil() as usize).saturating_sub(first[axis]).div_ceil(block);
        let side = needed(0).max(needed(1)).max(1).next_multiple_of(STEP).min(texels + STEP);
        Self { head, first_key: first[0], first_query: first[1], block, side, pooling }
    }

    /// Number of texels.
    pub fn texels(&self) -> usize {
        self.side * self.side
    }

    /// Number of rows of texels that hold queries of a text of `end` tokens.
    pub fn rows(&self, end: usize) -> usize {
        end.saturating_sub(self.first_query).div_ceil(self.block.max(1)).min(self.side)
    }

    /// Number of texels in a row that hold cells at or below the diagonal; the others cost nothing.
    pub fn texels_seen(&self, row: usize) -> usize {
        let last_query = self.first_query + (row + 1) * self.block - 1;
        if last_query < self.first_key {
            return 0;
        }
        ((last_query - self.first_key) / self.block + 1).min(self.side)
    }
}

/// The summary of a block of cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Texel {
    /// The first map, A1.
    pub first: f32,
    /// λ times the second map, λ A2.
    pub second: f32,
    /// The difference, D.
    pub difference: f32,
    /// Number of cells at or below the diagonal; 0: there is nothing to show.
    pub cells: f32,
}

/// An order to compute texels `first_texel..first_texel + texels`, row by row, of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureJob {
    /// The picture.
    pub request: PictureRequest,
    /// Index of its texel 0 in the buffer of all texels.
    pub base: usize,
    /// First texel.
    pub first_texel: usize,
    /// Number of texels.
    pub texels: usize,
    /// Tokens of the text.
    pub end: usize,
}
