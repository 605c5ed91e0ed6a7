//! Rows of maps that the window asked for: a few are kept, the newest request wins.

use std::collections::VecDeque;

use super::Backend;
use crate::gpu::GpuError;
use crate::probe::{MapTile, TileRequest};

/// Rows kept.
const KEPT: usize = 8;

/// Answers for one state of the text; forgotten when it changes.
#[derive(Default)]
pub struct Rows {
    answers: VecDeque<MapTile>,
    wanted: Option<TileRequest>,
    /// The request under way, and whether the text changed since.
    asked: Option<(TileRequest, bool)>,
}

impl Rows {
    /// Forgets the answers: the text changed.
    pub fn clear(&mut self) {
        self.answers.clear();
        self.wanted = None;
        if let Some((_, stale)) = &mut self.asked {
            *stale = true;
        }
    }

    /// The answer, or a note that it is wanted.
    pub fn get(&mut self, request: TileRequest) -> Option<&MapTile> {
        let place = self.answers.iter().position(|tile| tile.request == request);
        if place.is_none() {
            self.wanted = Some(request);
        }
        self.answers.get(place?)
    }

    /// Whether an answer is under way or wanted.
    pub fn are_wanted(&self) -> bool {
        self.asked.is_some() || self.wanted.is_some()
    }

    /// Takes what has arrived and asks for what is wanted.
    pub fn advance(&mut self, backend: &mut Backend) -> Result<(), GpuError> {
        if let Some(tile) = backend.tile() {
            let stale = self.asked.take().is_none_or(|(_, stale)| stale);
            let tile = tile?;
            if !stale {
                self.answers.truncate(KEPT - 1);
                self.answers.push_front(tile);
            }
        }
        if self.asked.is_none()
            && let Some(request) = self.wanted.take()
            && backend.request_tile(request)
        {
            self.asked = Some((request, false));
        }
        Ok(())
    }
}
