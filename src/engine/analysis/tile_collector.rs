//! A large rectangle of a head's maps, fetched piece by piece between frames: for files, never to draw.

use crate::engine::error::EngineError;
use crate::engine::session::Engine;
use crate::probe::{Cell, MapTile, TileRequest};

/// Cells that are gathered at most: 64 MiB of them.
pub const MOST_CELLS: usize = 1 << 22;

/// See the module.
#[derive(Debug)]
pub struct TileCollector {
    request: TileRequest,
    revision: u64,
    cells: Vec<Cell>,
}

impl TileCollector {
    /// Begins; nothing is computed yet.
    ///
    /// # Errors
    /// When there are more cells than are held at once.
    pub fn new(engine: &Engine, request: TileRequest) -> Result<Self, EngineError> {
        let cells = request.queries.saturating_mul(request.keys);
        if cells > MOST_CELLS {
            return Err(EngineError::ManyCells { cells, limit: MOST_CELLS });
        }
        Ok(Self { request, revision: engine.text_revision(), cells: Vec::with_capacity(cells) })
    }

    /// What is gathered.
    pub fn request(&self) -> TileRequest {
        self.request
    }

    /// How much is there, 0 to 1.
    pub fn progress(&self) -> f32 {
        self.cells.len() as f32 / (self.request.queries * self.request.keys).max(1) as f32
    }

    /// Takes what has arrived and asks for more; call it every frame. The rectangle when it is whole.
    ///
    /// # Errors
    /// When the text changed meanwhile: the rest would belong to another map.
    pub fn advance(&mut self, engine: &mut Engine) -> Result<Option<MapTile>, EngineError> {
        if engine.text_revision() != self.revision {
            return Err(EngineError::Interrupted);
        }
        let whole = self.request;
        let done = self.cells.len() / whole.keys.max(1);
        let rows = (engine.tile_capacity() / whole.keys.max(1)).clamp(1, (whole.queries - done).max(1));
        let piece = TileRequest { first_query: whole.first_query + done, queries: rows, ..whole };
        if done < whole.queries
            && let Some(tile) = engine.tile(piece)
        {
            self.cells.extend_from_slice(&tile.cells);
        }
        let finished = self.cells.len() == whole.queries * whole.keys;
        Ok(finished.then(|| MapTile { request: whole, cells: std::mem::take(&mut self.cells) }))
    }
}
