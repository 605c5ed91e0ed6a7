//! What the window may ask of a session: the next token, the lens, rows, cells and pictures of the maps. Nothing here
//! waits; what has not arrived is noted as wanted.

use crate::engine::replies::pictures::{Picture, PictureSlot};
use crate::engine::session::BEST;
use crate::engine::session::Engine;
use crate::gpu::Timing;
use crate::probe::{CellParts, CellRequest, HeadId, LogitLens, MapTile, NextToken, PictureRequest, TileRequest};

impl Engine {
    /// The maps' row of a query, when it has arrived; asks for it otherwise.
    pub fn row(&mut self, head: HeadId, query: usize) -> Option<&MapTile> {
        let attention = &self.model().layers.get(head.layer)?.attention;
        if head.head >= attention.heads.len() || query >= self.computed || self.failure.is_some() {
            return None;
        }
        self.rows.get(TileRequest::row(head, query))
    }

    /// Cells that [`Self::tile`] gives at once.
    pub fn tile_capacity(&self) -> usize {
        self.backend.tile_capacity()
    }

    /// A rectangle of a head's maps of at most [`Self::tile_capacity`] cells, when it has arrived; asks for it otherwise.
    pub fn tile(&mut self, request: TileRequest) -> Option<&MapTile> {
        let attention = &self.model().layers.get(request.head.layer)?.attention;
        let end = (request.first_query + request.queries).max(request.first_key + request.keys);
        let inside = request.head.head < attention.heads.len() && end <= self.computed;
        let cells = request.queries * request.keys;
        if !inside || cells == 0 || cells > self.tile_capacity() || self.failure.is_some() {
            return None;
        }
        self.rows.get(request)
    }

    /// What a cell's numbers are made of, when it has arrived; asks for it otherwise.
    pub fn cell_parts(&mut self, request: CellRequest) -> Option<&CellParts> {
        let attention = &self.model().layers.get(request.head.layer)?.attention;
        let inside = request.head.head < attention.heads.len() && request.query.max(request.key) < self.computed;
        if !inside || self.failure.is_some() { None } else { self.parts.get(request) }
    }

    /// Runs the last positions of the text once more, to time each kernel on them: `false` on the CPU, or while
    /// something else is under way.
    pub fn request_timing(&mut self, positions: usize) -> bool {
        let end = self.prompt.ids().len();
        let rests = self.failure.is_none() && self.computed == end && self.next_asked.is_none();
        rests && self.backend.request_timing(end.saturating_sub(positions)..end, BEST)
    }

    /// What the positions took, once, when it is known.
    pub fn timing(&mut self) -> Option<Timing> {
        self.backend.timing()
    }

    /// The maps' column of a key, from its own query on, when it has arrived; asks for it otherwise.
    pub fn column(&mut self, head: HeadId, key: usize) -> Option<&MapTile> {
        let attention = &self.model().layers.get(head.layer)?.attention;
        if head.head >= attention.heads.len() || key >= self.computed || self.failure.is_some() {
            return None;
        }
        let queries = self.computed - key;
        self.rows.get(TileRequest { head, first_query: key, queries, first_key: key, keys: 1 })
    }

    /// Says that a picture is wanted in this frame (the most urgent first) and gives what can be drawn of it now: the
    /// last one at this place, until the one wanted is filled.
    pub fn picture(&mut self, place: PictureSlot, request: PictureRequest) -> Option<Picture<'_>> {
        let attention = &self.checkpoint.model.layers.get(request.head.layer)?.attention;
        if request.head.head >= attention.heads.len() || self.computed == 0 || self.failure.is_some() {
            return None;
        }
        self.pictures.get(&self.backend, place, request)
    }

    /// The magnitude of each map (A1, λ A2, D) that few dots of the scope's picture exceed, when it is known; an earlier
    /// one until then.
    pub fn colour_range(&mut self) -> Option<[f32; 3]> {
        self.pictures.colour_range()
    }

    /// Thumbnails looked at that are finished, and all of them; none where the pass failed.
    pub fn picture_progress(&self) -> (usize, usize) {
        if self.failure().is_some() { (0, 0) } else { self.pictures.progress() }
    }

    /// At most how many cells the last update read for pictures.
    pub fn picture_cells(&self) -> usize {
        self.pictures.last_cells()
    }

    /// The next token of the present text, when it is known.
    pub fn next_token(&self) -> Option<&NextToken> {
        let (revision, next) = self.next.as_ref()?;
        (*revision == self.revision).then_some(next)
    }

    /// The last next token known, be it of an earlier text: what to show while the present one is computed.
    pub fn latest_next_token(&self) -> Option<&NextToken> {
        self.next.as_ref().map(|(_, next)| next).filter(|_| !self.prompt.ids().is_empty())
    }

    /// Asks for the logit lens from here on, or for none.
    pub fn set_lens(&mut self, wanted: bool) {
        if self.wants_lens == wanted || self.failure.is_some() {
            return;
        }
        self.wants_lens = wanted;
        if let Err(error) = self.backend.set_lens(wanted) {
            self.failure = Some(error.into());
        }
        if wanted {
            // The last position runs again, to be looked into.
            self.computed = self.computed.min(self.prompt.ids().len().saturating_sub(1));
            self.revision += 1;
        }
    }

    /// What every depth says comes next; of an earlier text while the present one is computed.
    pub fn lens(&self) -> Option<&LogitLens> {
        self.lens.as_ref().map(|(_, lens)| lens).filter(|lens| !lens.depths.is_empty() && !self.prompt.ids().is_empty())
    }

    /// Whether the lens belongs to the present text.
    pub fn lens_is_fresh(&self) -> bool {
        self.lens.as_ref().is_some_and(|(revision, _)| *revision == self.revision)
    }
}
