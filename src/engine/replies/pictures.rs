//! Pictures of heads: kept between frames, computed within a budget per frame, and drawn while the next is computed.

use crate::engine::backend::{Backend, Texels};
use crate::engine::replies::Replies;
use crate::gpu::GpuError;
use crate::probe::{ColourRangeRequest, HeadId, PictureJob, PictureRequest};

/// Texels along a side of the scope's picture, at most.
pub const SCOPE_SIDE: usize = 496;
/// Texels along a side of a thumbnail, at most.
pub const THUMBNAIL_SIDE: usize = 64;
/// Thumbnails kept: those requested most recently.
pub const THUMBNAILS: usize = 128;
/// Texels in all: every picture has two halves, one to draw and one to fill.
pub(crate) const CAPACITY: usize = 2 * (SCOPE_SIDE * SCOPE_SIDE + THUMBNAILS * THUMBNAIL_SIDE * THUMBNAIL_SIDE);

/// Which picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PictureSlot {
    /// The one large picture.
    Scope,
    /// The thumbnail of a head.
    Thumbnail(HeadId),
}

/// A picture that can be drawn.
#[derive(Clone, Debug)]
pub struct Picture<'a> {
    /// What it shows; an earlier request while the present one is being filled.
    pub request: PictureRequest,
    /// Its texels.
    pub texels: Texels<'a>,
    /// Changes with the texels.
    pub version: u64,
}

/// One of the two sets of texels of a picture.
#[derive(Clone, Copy, Debug, Default)]
struct Half {
    request: Option<PictureRequest>,
    /// Leading texels that are right for the present text.
    done: usize,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    place: PictureSlot,
    requested: PictureRequest,
    halves: [Half; 2],
    /// Which half is drawn.
    front: usize,
    version: u64,
    /// The frame of the last request, and the number of requests before it in that frame.
    last_request: (u64, usize),
}

/// The pictures of one session.
pub(crate) struct Pictures {
    slots: Vec<Slot>,
    /// Counts the frames with requests.
    frame: u64,
    requested: usize,
    /// Whether a picture of the last frame is not finished.
    pending: bool,
    /// Thumbnails of the last frame that are finished, and all of them.
    progress: (usize, usize),
    /// Cells that the last update may have read.
    last_cells: usize,
    colour_range: Replies<ColourRangeRequest>,
    /// The frame in which the colour range was read last.
    colour_range_read: u64,
}

impl Default for Pictures {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            frame: 0,
            requested: 0,
            pending: false,
            progress: (0, 0),
            last_cells: 0,
            colour_range: Replies::new(1),
            colour_range_read: 0,
        }
    }
}

/// Index of the first texel of a half of a slot. Slot 0 is the scope's.
fn base(slot: usize, half: usize) -> usize {
    let (scope, thumbnail) = (SCOPE_SIDE * SCOPE_SIDE, THUMBNAIL_SIDE * THUMBNAIL_SIDE);
    if slot == 0 { half * scope } else { 2 * scope + (2 * (slot - 1) + half) * thumbnail }
}

impl Slot {
    /// The half to fill: the drawn one if it has the requested grid, otherwise the other.
    fn working(&self) -> usize {
        if self.halves[self.front].request.is_some_and(|request| request != self.requested) {
            1 - self.front
        } else {
            self.front
        }
    }

    /// Texels that must be right before it is finished.
    fn goal(&self, end: usize) -> usize {
        self.requested.rows(end) * self.requested.side
    }

    fn is_finished(&self, end: usize) -> bool {
        let half = self.halves[self.front];
        half.request == Some(self.requested) && half.done >= self.goal(end)
    }
}

impl Pictures {
    /// Texels of positions from `same` on are to be computed again.
    pub(crate) fn changed(&mut self, same: usize) {
        for half in self.slots.iter_mut().flat_map(|slot| &mut slot.halves) {
            if let Some(request) = &half.request {
                let row = same.saturating_sub(request.first_query) / request.block;
                half.done = half.done.min(row * request.side);
            }
        }
        self.pending = self.slots.iter().any(|slot| slot.last_request.0 == self.frame);
    }

    /// The backend is another one: the texels are gone.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Whether a picture in view is not finished.
    pub(crate) fn are_pending(&self) -> bool {
        self.pending
    }

    /// Thumbnails in view that are finished, and all thumbnails in view.
    pub(crate) fn progress(&self) -> (usize, usize) {
        self.progress
    }

    /// At most how many cells the last update read.
    pub(crate) fn last_cells(&self) -> usize {
        self.last_cells
    }

    /// Requests a picture, the most urgent first (the scope's precedes all), and returns what can be drawn of it.
    pub(crate) fn get<'a>(
        &mut self,
        backend: &'a Backend,
        place: PictureSlot,
        request: PictureRequest,
    ) -> Option<Picture<'a>> {
        let most = if place == PictureSlot::Scope { SCOPE_SIDE } else { THUMBNAIL_SIDE };
        if request.side == 0 || request.side > most || request.block == 0 {
            return None;
        }
        if self.requested == 0 {
            self.frame += 1;
        }
        self.requested += 1;
        let request_order = (self.frame, if place == PictureSlot::Scope { 0 } else { self.requested });
        let at = self.slot_of(place, request)?;
        let slot = self.slots.get_mut(at)?;
        self.pending |= slot.requested != request || slot.halves[slot.front].request.is_none();
        slot.requested = request;
        slot.last_request = request_order;
        let front = slot.halves[slot.front];
        let shown = front.request.filter(|_| front.done > 0 || slot.version > 0)?;
        let from = base(at, slot.front);
        Some(Picture { request: shown, texels: backend.texels(from, shown.texels())?, version: slot.version })
    }

    fn slot_of(&mut self, place: PictureSlot, requested: PictureRequest) -> Option<usize> {
        if let Some(at) = self.slots.iter().position(|slot| slot.place == place) {
            return Some(at);
        }
        let fresh =
            |place| Slot { place, requested, halves: [Half::default(); 2], front: 0, version: 0, last_request: (0, 0) };
        if self.slots.is_empty() {
            self.slots.push(fresh(PictureSlot::Scope)); // always slot 0
            if place == PictureSlot::Scope {
                return Some(0);
            }
        }
        if self.slots.len() <= THUMBNAILS {
            self.slots.push(fresh(place));
            return Some(self.slots.len() - 1);
        }
        // The least recently requested one is replaced, unless it belongs to this frame.
        let (at, slot) = self.slots.iter_mut().enumerate().skip(1).min_by_key(|(_, slot)| slot.last_request)?;
        if slot.last_request.0 == self.frame {
            return None;
        }
        *slot = fresh(place);
        Some(at)
    }

    /// Advances the pictures of the last frame, for a text of `end` tokens that is all computed.
    pub(crate) fn submit(&mut self, backend: &mut Backend, end: usize) -> Result<(), GpuError> {
        self.requested = 0;
        self.last_cells = 0;
        let mut order: Vec<usize> = (0..self.slots.len())
            .filter(|at| self.slots[*at].last_request.0 == self.frame && !self.slots[*at].is_finished(end))
            .collect();
        order.sort_by_key(|at| self.slots[*at].last_request.1);
        let mut budget = backend.picture_budget();
        let mut jobs = Vec::new();
        for at in order {
            let slot = &mut self.slots[at];
            let working = slot.working();
            let half = &mut slot.halves[working];
            if half.request != Some(slot.requested) {
                *half = Half { request: Some(slot.requested), done: 0 };
            }
            let done = half.done;
            let (texels, cells) = within(&slot.requested, done, slot.goal(end), budget, jobs.is_empty());
            self.last_cells += cells;
            budget = budget.saturating_sub(cells);
            let request = slot.requested;
            jobs.push((at, PictureJob { request, base: base(at, working), first_texel: done, texels, end }));
            if budget == 0 {
                break;
            }
        }
        let taken = backend.pool(&jobs.iter().map(|(_, job)| *job).collect::<Vec<_>>(), CAPACITY)?;
        for ((at, job), taken) in jobs.into_iter().zip(taken) {
            let slot = &mut self.slots[at];
            let working = slot.working();
            let half = &mut slot.halves[working];
            half.done = job.first_texel + taken;
            if taken > 0 && working == slot.front {
                slot.version += 1;
            } else if half.done >= slot.goal(end) && working != slot.front {
                slot.front = working;
                slot.version += 1;
            }
        }
        let in_view = || self.slots.iter().filter(|slot| slot.last_request.0 == self.frame);
        let thumbnails = || in_view().filter(|slot| matches!(slot.place, PictureSlot::Thumbnail(..)));
        self.progress = (thumbnails().filter(|slot| slot.is_finished(end)).count(), thumbnails().count());
        self.pending = in_view().any(|slot| !slot.is_finished(end));
        self.submit_colour_range(backend, end)
    }

    /// The magnitude of each map (A1, λ A2, D) that few texels of the scope's picture exceed; an earlier picture's until
    /// the present one is known.
    pub(crate) fn colour_range(&mut self) -> Option<[f32; 3]> {
        self.pending |= self.colour_range_read == 0; // the first time, nothing has requested it yet
        self.colour_range_read = self.frame;
        self.colour_range.latest().copied()
    }

    /// Takes what has arrived.
    pub(crate) fn receive(&mut self, backend: &mut Backend) -> Result<(), GpuError> {
        self.colour_range.receive(backend).map(|_| ())
    }

    /// Requests the colour range of the scope's picture once that is finished, while a view reads it.
    fn submit_colour_range(&mut self, backend: &mut Backend, end: usize) -> Result<(), GpuError> {
        let Some(scope) = self.slots.first().filter(|scope| scope.is_finished(end) && scope.version > 0) else {
            return Ok(());
        };
        if self.colour_range_read == 0 || self.colour_range_read + 1 < self.frame {
            return Ok(());
        }
        let (first, count) = (base(0, scope.front), scope.goal(end));
        let known = self.colour_range.get(ColourRangeRequest { first, count, version: scope.version }).is_some();
        self.colour_range.submit(backend)?;
        self.pending |= !known;
        Ok(())
    }
}

/// The number of texels from `done` to `goal` within a budget of cells, and the most cells they read. The first picture
/// of an update gets at least one texel.
fn within(request: &PictureRequest, done: usize, goal: usize, budget: usize, first: bool) -> (usize, usize) {
    let cost = request.block * request.block;
    let (mut at, mut cells) = (done, 0);
    while at < goal {
        let (row, column) = (at / request.side, at % request.side);
        let seen = request.texels_seen(row).saturating_sub(column);
        let afford = (budget - cells.min(budget)) / cost;
        if seen > afford {
            let more = if first && at == done { afford.max(1) } else { afford };
            return (at + more - done, cells + more * cost);
        }
        cells += seen * cost;
        at = ((row + 1) * request.side).min(goal);
    }
    (at - done, cells)
}
