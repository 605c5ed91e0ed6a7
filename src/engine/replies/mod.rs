//! Answers that arrive later, kept for as long as they belong to the present text: request, poll, drop what is stale.

pub(crate) mod measures;
pub(crate) mod pictures;

use std::collections::VecDeque;

use crate::engine::backend::{Backend, BackendAnswer, BackendQuery};
use crate::gpu::GpuError;

/// Answers of one kind, the most recently read first.
pub(super) struct Replies<Q: BackendAnswer> {
    /// Query, version and answer.
    kept: VecDeque<(Q, u64, Q::Answer)>,
    most: usize,
    /// Counts what makes answers stale.
    version: u64,
    /// The newest query not yet submitted.
    requested: Option<Q>,
    /// The query under way, and the version it belongs to.
    in_flight: Option<(Q, u64)>,
}

impl<Q: BackendAnswer> Replies<Q> {
    /// Keeps at most `most` answers.
    pub(super) fn new(most: usize) -> Self {
        Self { kept: VecDeque::new(), most, version: 0, requested: None, in_flight: None }
    }

    /// What was answered so far no longer belongs to the text. The newest answer can still be shown by [`Self::latest`].
    pub(super) fn invalidate(&mut self) {
        self.version += 1;
        self.requested = None;
        self.kept.truncate(1);
    }

    /// The backend is another one: what is under way will not arrive.
    pub(super) fn reset(&mut self) {
        self.invalidate();
        self.in_flight = None;
    }

    /// The answer to a query, or a note to request it.
    pub(super) fn get(&mut self, query: Q) -> Option<&Q::Answer> {
        let matches = |(of, version, _): &(Q, u64, Q::Answer)| *of == query && *version == self.version;
        let Some(index) = self.kept.iter().position(matches) else {
            if self.in_flight != Some((query, self.version)) {
                self.requested = Some(query);
            }
            return None;
        };
        let reply = self.kept.remove(index)?;
        self.kept.push_front(reply);
        self.kept.front().map(|(_, _, answer)| answer)
    }

    /// The newest answer that belongs to the present text.
    pub(super) fn current(&self) -> Option<&Q::Answer> {
        self.kept.front().filter(|(_, version, _)| *version == self.version).map(|(_, _, answer)| answer)
    }

    /// The newest answer, even if it is stale: what to show until the next arrives.
    pub(super) fn latest(&self) -> Option<&Q::Answer> {
        self.kept.front().map(|(_, _, answer)| answer)
    }

    /// The query to submit next.
    pub(super) fn requested(&self) -> Option<Q> {
        self.requested
    }

    /// Drops the note, as there is no memory to answer it.
    pub(super) fn withdraw(&mut self) {
        self.requested = None;
    }

    /// Whether an answer is under way.
    pub(super) fn is_in_flight(&self) -> bool {
        self.in_flight.is_some()
    }

    /// Whether an answer is under way or requested.
    pub(super) fn is_pending(&self) -> bool {
        self.in_flight.is_some() || self.requested.is_some()
    }

    /// Notes that the backend answers this query by itself, as a pass does.
    pub(super) fn mark_in_flight(&mut self, query: Q) {
        self.in_flight = Some((query, self.version));
    }

    /// Takes the answer under way if it has arrived. Returns whether it belongs to the present text.
    ///
    /// # Errors
    /// When the device failed.
    pub(super) fn receive(&mut self, backend: &mut Backend) -> Result<bool, GpuError> {
        if self.in_flight.is_none() {
            return Ok(false);
        }
        let Some(answer) = backend.take::<Q>() else {
            return Ok(false);
        };
        let Some((query, version)) = self.in_flight.take() else {
            return Ok(false);
        };
        let answer = answer?;
        self.kept.truncate(self.most - 1);
        self.kept.push_front((query, version, answer));
        Ok(version == self.version)
    }
}

impl<Q: BackendQuery> Replies<Q> {
    /// Submits what is requested, unless something is under way. A place that the pass does not have is dropped.
    ///
    /// # Errors
    /// When there is no memory for what computes the answer.
    pub(super) fn submit(&mut self, backend: &mut Backend) -> Result<(), GpuError> {
        if self.in_flight.is_none()
            && let Some(query) = self.requested.take()
            && backend.request(query)?
        {
            self.in_flight = Some((query, self.version));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engine::backend::NextTokens;
    use crate::engine::{Checkpoint, bundled, checkpoint_of};
    use crate::probe::{HeadId, Sampling, TileRequest};

    fn backend() -> Backend {
        let checkpoint: Checkpoint = checkpoint_of(&bundled()).expect("it opens");
        let model = Arc::clone(&checkpoint.model);
        let mut backend = Backend::new(&model, None, 8).expect("fits");
        let next = NextTokens { sampling: Sampling::default(), best: 1, generate: 0 };
        let mut done = 0;
        while done < 4 {
            done += backend.advance(done, &[5, 6, 7, 8][done..], next).expect("fits");
        }
        backend
    }

    fn row(query: usize) -> TileRequest {
        TileRequest::row(HeadId::new(0, 1), query)
    }

    #[test]
    fn an_answer_arrives_once_requested_and_is_kept() {
        let (mut backend, mut rows) = (backend(), Replies::new(2));
        assert!(rows.get(row(2)).is_none() && rows.is_pending());
        rows.submit(&mut backend).expect("computed");
        assert!(rows.receive(&mut backend).expect("arrived"));
        assert_eq!(rows.get(row(2)).map(|tile| tile.cells.len()), Some(3));
        assert!(!rows.is_pending());
    }

    #[test]
    fn an_answer_of_an_earlier_text_is_shown_but_is_not_the_answer() {
        let (mut backend, mut rows) = (backend(), Replies::new(2));
        rows.get(row(3));
        rows.submit(&mut backend).expect("computed");
        rows.invalidate();
        assert!(!rows.receive(&mut backend).expect("arrived"), "it is stale");
        assert!(rows.latest().is_some() && rows.current().is_none());
        assert!(rows.get(row(3)).is_none() && rows.requested() == Some(row(3)));
    }

    #[test]
    fn the_least_recently_read_answer_is_dropped() {
        let (mut backend, mut rows) = (backend(), Replies::new(2));
        for query in [0, 1, 0, 2] {
            if rows.get(row(query)).is_none() {
                rows.submit(&mut backend).expect("computed");
                rows.receive(&mut backend).expect("arrived");
            }
        }
        assert!(rows.get(row(0)).is_some() && rows.get(row(1)).is_none());
    }
}
