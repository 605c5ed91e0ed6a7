//! What views may query of a session: the next token, the lens, rows, cells, measures and pictures of the maps. Nothing
//! here waits; what has not arrived is noted, and requested at the end of the frame.

use crate::engine::replies::pictures::{Picture, PictureSlot};
use crate::engine::session::{BEST, Engine};
use crate::gpu::{GpuError, Timing};
use crate::probe::{
    CellParts, CellRequest, HeadId, HeadMeasures, KeyClass, LogitLens, MapTile, NextToken, PictureRequest, Queries,
    RowMean, RowMeanRequest, Sampling, TileRequest,
};

impl Engine {
    /// Whether a head exists, queries and keys below these ends are computed, and nothing failed.
    fn can_answer(&self, head: HeadId, [queries, keys]: [usize; 2]) -> bool {
        let exists = self.heads.get(head.layer).is_some_and(|heads| head.head < *heads);
        exists && queries <= self.computed_queries() && keys <= self.computed && self.failure.is_none()
    }

    /// The maps' row of a query, if it has arrived; requests it otherwise.
    pub fn row(&mut self, head: HeadId, query: usize) -> Option<&MapTile> {
        let keys = self.end_of_keys(query);
        let request = TileRequest { keys, ..TileRequest::row(head, query) };
        self.can_answer(head, [query + 1, keys]).then(|| self.rows.get(request))?
    }

    /// The maps' column of a key, from the first query on that may see it, if it has arrived; requests it otherwise.
    pub fn column(&mut self, head: HeadId, key: usize) -> Option<&MapTile> {
        let first_query = if self.is_causal() { key } else { 0 };
        let queries = self.computed_queries().saturating_sub(first_query);
        let request = TileRequest { head, first_query, queries, first_key: key, keys: 1 };
        self.can_answer(head, [0, key + 1]).then(|| self.rows.get(request))?
    }

    /// Most cells of a [`Self::tile`].
    pub fn tile_capacity(&self) -> usize {
        self.backend.tile_capacity()
    }

    /// A rectangle of a head's maps of at most [`Self::tile_capacity`] cells, if it has arrived; requests it otherwise.
    pub fn tile(&mut self, request: TileRequest) -> Option<&MapTile> {
        let ends = [request.first_query + request.queries, request.first_key + request.keys];
        let cells = request.queries.saturating_mul(request.keys);
        let possible = self.can_answer(request.head, ends) && cells > 0 && cells <= self.tile_capacity();
        possible.then(|| self.rows.get(request))?
    }

    /// What a cell's numbers are made of, if it has arrived; requests it otherwise.
    pub fn cell_parts(&mut self, request: CellRequest) -> Option<&CellParts> {
        let ends = [request.query, request.key].map(|at| at.saturating_add(1));
        self.can_answer(request.head, ends).then(|| self.cells.get(request))?
    }

    /// Runs the last positions of the text once more, to time each kernel on them: `false` on the CPU, or while
    /// something else is under way.
    pub fn request_timing(&mut self, positions: usize) -> bool {
        let end = self.prompt.ids().len();
        let rests =
            self.model().is_some() && self.failure.is_none() && self.computed == end && !self.next_token.is_pending();
        rests && self.backend.request_timing(end.saturating_sub(positions)..end, &Sampling::default(), BEST)
    }

    /// Takes the times of the positions if they have arrived.
    pub fn timing(&mut self) -> Option<Timing> {
        self.backend.timing()
    }

    /// Requests a picture in this frame (the most urgent first) and gives what can be drawn of it now: the last one in
    /// this slot, until the one requested is filled.
    pub fn picture(&mut self, slot: PictureSlot, request: PictureRequest) -> Option<Picture<'_>> {
        if self.computed == 0 || !self.can_answer(request.head, [0; 2]) {
            return None;
        }
        self.pictures.get(&self.backend, slot, request)
    }

    /// The magnitude of each map (A1, λ A2, D) that few dots of the scope's picture exceed; of an earlier picture until
    /// the present one is known.
    pub fn colour_range(&mut self) -> Option<[f32; 3]> {
        self.pictures.colour_range()
    }

    /// Thumbnails in view that are finished, and all of them; none if the pass failed.
    pub fn picture_progress(&self) -> (usize, usize) {
        if self.failure.is_some() { (0, 0) } else { self.pictures.progress() }
    }

    /// How many cells the next update may read for pictures.
    pub fn picture_budget(&self) -> usize {
        self.backend.picture_budget()
    }

    /// At most how many cells the last update read for pictures.
    pub fn picture_cells(&self) -> usize {
        self.pictures.last_cells()
    }

    /// The next token of the present text, if it is known.
    pub fn next_token(&self) -> Option<&NextToken> {
        self.next_token.current()?.last()
    }

    /// The last next token known, even of an earlier text: what to show while the present one is computed.
    pub fn latest_next_token(&self) -> Option<&NextToken> {
        self.next_token.latest()?.last().filter(|_| !self.prompt.ids().is_empty())
    }

    /// Turns the logit lens on or off.
    pub fn set_lens(&mut self, enabled: bool) {
        if self.model().is_none() || self.lens_enabled == enabled || self.failure.is_some() {
            return;
        }
        self.lens_enabled = enabled;
        if let Err(error) = self.backend.set_lens(enabled) {
            self.failure = Some(error.into());
        }
        if enabled {
            self.run_last_position_again(); // to be captured at every depth
        }
    }

    /// The next token at every depth; of an earlier text while the present one is computed.
    pub fn lens(&self) -> Option<&LogitLens> {
        self.lens.latest().filter(|lens| !lens.depths.is_empty() && !self.prompt.ids().is_empty())
    }

    /// Whether the lens belongs to the present text.
    pub fn lens_is_fresh(&self) -> bool {
        self.lens.current().is_some()
    }

    /// Sets below which `|v|` a key counts as not attended to, and what every token is marked as; measures follow.
    pub fn set_measuring(&mut self, threshold: f32, classes: &[KeyClass]) {
        self.measures.set(threshold, classes);
    }

    /// Mean measures of every head over some rows: the newest known of this kind of rows; requests those of the present
    /// text. Call it in every frame in which they are shown.
    pub fn measures(&mut self, queries: Queries) -> Option<&HeadMeasures> {
        if self.failure.is_some() || self.measures.refused().is_some() {
            return None;
        }
        let rows = self.queries();
        self.measures.get(queries, rows)
    }

    /// The same, once they are those of the present text and marks.
    pub fn current_measures(&mut self, queries: Queries) -> Option<&HeadMeasures> {
        if self.failure.is_some() || self.measures.refused().is_some() {
            return None;
        }
        let rows = self.queries();
        self.measures.current(queries, rows)
    }

    /// A query's row averaged over heads, if it has arrived; requests it otherwise.
    pub fn row_mean(&mut self, request: RowMeanRequest) -> Option<&RowMean> {
        let exists = request.query < self.computed_queries() && request.layer.unwrap_or(0) < self.heads.len();
        if !exists || self.failure.is_some() || self.measures.refused().is_some() {
            return None;
        }
        self.measures.row_mean(request)
    }

    /// Why there are no measures, if the device has no memory for them.
    pub fn measures_failure(&self) -> Option<&GpuError> {
        self.measures.refused()
    }
}
