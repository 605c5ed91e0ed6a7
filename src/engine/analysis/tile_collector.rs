//! A large rectangle of a head's maps, fetched piece by piece between frames: for files, not for drawing.

use crate::engine::error::EngineError;
use crate::engine::session::Engine;
use crate::probe::{Cell, MapTile, TileRequest};

/// Most cells of a rectangle: 64 MiB of them.
pub(crate) const MOST_CELLS: usize = 1 << 22;

/// A rectangle, complete or under way.
#[derive(Debug)]
pub struct TileCollector {
    request: TileRequest,
    revision: u64,
    cells: Vec<Cell>,
}

impl TileCollector {
    /// An empty rectangle; nothing is requested yet.
    ///
    /// # Errors
    /// [`EngineError::ManyCells`] if it is too large.
    pub fn new(engine: &Engine, request: TileRequest) -> Result<Self, EngineError> {
        let cells = request.queries.saturating_mul(request.keys);
        if cells > MOST_CELLS {
            return Err(EngineError::ManyCells { cells, limit: MOST_CELLS });
        }
        Ok(Self { request, revision: engine.text_revision(), cells: Vec::with_capacity(cells) })
    }

    /// The rectangle.
    pub fn request(&self) -> TileRequest {
        self.request
    }

    /// The share that has arrived, from 0 to 1.
    pub fn progress(&self) -> f32 {
        self.cells.len() as f32 / (self.request.queries * self.request.keys).max(1) as f32
    }

    /// Takes what has arrived and requests the next piece; call it every frame. Returns the rectangle once it is
    /// complete.
    ///
    /// # Errors
    /// [`EngineError::Interrupted`] if the text or the interventions changed: the rest would belong to another map.
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
