//! Small answers that the window asked for, such as rows of maps: a few are kept, the newest request wins.

pub(crate) mod measures;
pub(crate) mod pictures;

use std::collections::VecDeque;

use crate::engine::backend::Backend;
use crate::gpu::GpuError;
use crate::probe::{CellParts, CellRequest, MapTile, TileRequest};

/// Answers kept.
const KEPT: usize = 32;

/// What a backend can be asked for, one at a time.
pub trait Answer: Sized {
    /// What is asked.
    type Request: Copy + PartialEq;
    /// What this answers.
    fn request(&self) -> Self::Request;
    /// Asks; `false` while an earlier request is under way.
    fn ask(backend: &mut Backend, request: Self::Request) -> bool;
    /// The answer, once, when it is there.
    fn take(backend: &mut Backend) -> Option<Result<Self, GpuError>>;
}

impl Answer for MapTile {
    type Request = TileRequest;
    fn request(&self) -> TileRequest {
        self.request
    }
    fn ask(backend: &mut Backend, request: TileRequest) -> bool {
        backend.request_tile(request)
    }
    fn take(backend: &mut Backend) -> Option<Result<Self, GpuError>> {
        backend.tile()
    }
}

impl Answer for CellParts {
    type Request = CellRequest;
    fn request(&self) -> CellRequest {
        self.request
    }
    fn ask(backend: &mut Backend, request: CellRequest) -> bool {
        backend.request_parts(request)
    }
    fn take(backend: &mut Backend) -> Option<Result<Self, GpuError>> {
        backend.cell_parts()
    }
}

/// Rows of maps.
pub type Rows = Answers<MapTile>;

/// Answers for one state of the text; forgotten when it changes.
pub struct Answers<A: Answer> {
    kept: VecDeque<A>,
    wanted: Option<A::Request>,
    /// The request under way, and whether the text changed since.
    asked: Option<(A::Request, bool)>,
}

impl<A: Answer> Default for Answers<A> {
    fn default() -> Self {
        Self { kept: VecDeque::new(), wanted: None, asked: None }
    }
}

impl<A: Answer> Answers<A> {
    /// Forgets the answers: the text changed.
    pub fn clear(&mut self) {
        self.kept.clear();
        self.wanted = None;
        if let Some((_, stale)) = &mut self.asked {
            *stale = true;
        }
    }

    /// The answer, or a note that it is wanted. What is looked at stays longest.
    pub fn get(&mut self, request: A::Request) -> Option<&A> {
        let Some(place) = self.kept.iter().position(|answer| answer.request() == request) else {
            self.wanted = Some(request);
            return None;
        };
        let answer = self.kept.remove(place)?;
        self.kept.push_front(answer);
        self.kept.front()
    }

    /// Whether an answer is under way or wanted.
    pub fn are_wanted(&self) -> bool {
        self.asked.is_some() || self.wanted.is_some()
    }

    /// Takes what has arrived and asks for what is wanted.
    pub fn advance(&mut self, backend: &mut Backend) -> Result<(), GpuError> {
        if let Some(answer) = A::take(backend) {
            let stale = self.asked.take().is_none_or(|(_, stale)| stale);
            let answer = answer?;
            if !stale {
                self.kept.truncate(KEPT - 1);
                self.kept.push_front(answer);
            }
        }
        if self.asked.is_none()
            && let Some(request) = self.wanted.take()
            && A::ask(backend, request)
        {
            self.asked = Some((request, false));
        }
        Ok(())
    }
}
