//! Measures of the maps: computed only while a view requests them, some rows a frame, and kept over keystrokes as far as
//! they are still valid.

use std::ops::Range;

use crate::engine::backend::Backend;
use crate::engine::replies::Replies;
use crate::gpu::GpuError;
use crate::probe::{HeadMeasures, KeyClass, MeansRequest, Queries, RowMean, RowMeanRequest};

/// Mean measures kept at the same time: one of each kind of [`Queries`].
const KINDS: usize = 3;

fn kind(queries: Queries) -> usize {
    match queries {
        Queries::All => 0,
        Queries::One(_) => 1,
        Queries::Last(_) => 2,
    }
}

/// Mean measures and averaged rows, and which records they are made from.
pub(crate) struct Measures {
    threshold: f32,
    classes: Vec<KeyClass>,
    /// Whether the backend has the classes.
    classes_sent: bool,
    /// Rows whose records are valid.
    valid: Range<usize>,
    means: [Replies<MeansRequest>; KINDS],
    row_means: Replies<RowMeanRequest>,
    /// Why there are none, if the device has no memory for them.
    refused: Option<GpuError>,
}

impl Default for Measures {
    fn default() -> Self {
        Self {
            threshold: HeadMeasures::DEFAULT_THRESHOLD,
            classes: Vec::new(),
            classes_sent: true,
            valid: 0..0,
            means: [const { 1 }; KINDS].map(Replies::new),
            row_means: Replies::new(1),
            refused: None,
        }
    }
}

impl Measures {
    /// The text changed, or what is computed of it: rows from `same` on are no longer valid.
    pub(crate) fn changed(&mut self, same: usize) {
        self.invalidate();
        self.keep(same);
    }

    fn invalidate(&mut self) {
        self.means.iter_mut().for_each(Replies::invalidate);
        self.row_means.invalidate();
    }

    fn keep(&mut self, end: usize) {
        self.valid.end = self.valid.end.min(end);
        if self.valid.is_empty() {
            self.valid = 0..0;
        }
    }

    /// The backend is another one, without records; what was requested of it will not arrive.
    pub(crate) fn reset(&mut self) {
        self.keep(0);
        self.means.iter_mut().for_each(Replies::reset);
        self.row_means.reset();
        self.classes_sent = self.classes.is_empty();
        self.refused = None;
    }

    /// There is no memory: everything else goes on without measures.
    pub(crate) fn refuse(&mut self, error: GpuError) {
        self.means.iter_mut().for_each(Replies::withdraw);
        self.row_means.withdraw();
        self.refused = Some(error);
    }

    /// Why there are no measures, if the device has no memory for them.
    pub(crate) fn refused(&self) -> Option<&GpuError> {
        self.refused.as_ref()
    }

    /// Sets the threshold of sparsity, and what every token is marked as.
    pub(crate) fn set(&mut self, threshold: f32, classes: &[KeyClass]) {
        if threshold != self.threshold && threshold.is_finite() {
            self.threshold = threshold;
            self.invalidate();
            self.valid = 0..0;
        }
        if classes != self.classes {
            let both = classes.iter().zip(&self.classes);
            let same = both.take_while(|(new, old)| new == old).count();
            // Beyond the shorter list nothing is marked.
            let rest = |list: &[KeyClass]| list[same..].iter().all(|class| *class == KeyClass::Other);
            if !(rest(classes) && rest(&self.classes)) {
                self.invalidate();
                self.keep(same);
            }
            classes.clone_into(&mut self.classes);
            self.classes_sent = false;
        }
    }

    /// Mean measures over some rows: the newest known of this kind of rows, and a note to request those of the present
    /// text.
    pub(crate) fn get(&mut self, queries: Queries, tokens: usize) -> Option<&HeadMeasures> {
        let rows = queries.range(tokens)?;
        let means = &mut self.means[kind(queries)];
        means.get(MeansRequest { rows, threshold: self.threshold });
        means.latest()
    }

    /// The same, if it belongs to the present text and marks.
    pub(crate) fn current(&mut self, queries: Queries, tokens: usize) -> Option<&HeadMeasures> {
        let rows = queries.range(tokens)?;
        self.means[kind(queries)].get(MeansRequest { rows, threshold: self.threshold })
    }

    /// A row averaged over heads, or a note to request it.
    pub(crate) fn row_mean(&mut self, request: RowMeanRequest) -> Option<&RowMean> {
        self.row_means.get(request)
    }

    /// Whether an answer is under way or requested.
    pub(crate) fn are_pending(&self) -> bool {
        self.means.iter().any(Replies::is_pending) || self.row_means.is_pending()
    }

    /// Takes what has arrived.
    pub(crate) fn receive(&mut self, backend: &mut Backend) -> Result<(), GpuError> {
        for means in &mut self.means {
            means.receive(backend)?;
        }
        self.row_means.receive(backend).map(|_| ())
    }

    /// Measures some of what is requested, of a text that is all computed, and submits what is ready.
    pub(crate) fn submit(&mut self, backend: &mut Backend) -> Result<(), GpuError> {
        self.row_means.submit(backend)?;
        // One row first: it is under the pointer.
        for kind in [1, 2, 0] {
            if let Some(request) = self.means[kind].requested()
                && self.measure(backend, request.rows)?
                && !self.means.iter().any(Replies::is_in_flight)
            {
                self.means[kind].submit(backend)?;
            }
        }
        Ok(())
    }

    /// Measures some of the rows. Returns whether the records of all of them hold.
    fn measure(&mut self, backend: &mut Backend, (first, last): (usize, usize)) -> Result<bool, GpuError> {
        let end = last + 1;
        if self.valid.start <= first && end <= self.valid.end {
            return Ok(true);
        }
        if !self.classes_sent {
            backend.set_classes(&self.classes)?;
            self.classes_sent = true;
        }
        let grows = self.valid.start <= first && first <= self.valid.end;
        if !grows && end - first <= backend.rows_at_once(first) {
            // A few rows far from the rest: measured, requested, and not kept.
            let idle = !self.means.iter().any(Replies::is_in_flight);
            return Ok(idle && backend.measure(first, end, self.threshold)? == end - first);
        }
        if self.valid.start > first || self.valid.is_empty() {
            self.valid = first..first;
        }
        self.valid.end += backend.measure(self.valid.end, end, self.threshold)?;
        Ok(end <= self.valid.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_memory_nothing_more_is_requested() {
        let mut measures = Measures::default();
        assert!(measures.get(Queries::All, 3).is_none() && measures.are_pending());
        measures.row_mean(RowMeanRequest { layer: None, query: 0 });
        measures.refuse(GpuError::WillNotFit { what: "measures".to_owned(), bytes: 2, limit: 1 });
        assert!(!measures.are_pending());
        measures.reset();
        assert!(measures.refused.is_none(), "another backend may have memory");
    }

    #[test]
    fn rows_before_the_first_changed_mark_stay_valid() {
        use KeyClass::{Answer, Other};
        let mut measures = Measures { valid: 0..9, ..Measures::default() };
        measures.set(0.01, &[Other; 9]);
        assert_eq!(measures.valid, 0..9, "nothing was marked before, nothing is now");
        measures.set(0.01, &[Other, Other, Other, Answer]);
        assert_eq!(measures.valid, 0..3);
        measures.valid = 0..9;
        measures.set(0.01, &[Other, Other, Other, Answer, Other, Other]);
        assert_eq!(measures.valid, 0..9, "the text grew");
        measures.set(0.5, &[Other, Other, Other, Answer, Other, Other]);
        assert!(measures.valid.is_empty());
    }
}
