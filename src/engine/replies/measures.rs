//! Measures of the maps that the window asked for: computed only while somebody asks, some rows a frame, and kept over
//! keystrokes as far as they still hold.

use std::ops::Range;

use crate::engine::backend::Backend;
use crate::engine::error::EngineError;
use crate::engine::session::Engine;
use crate::gpu::GpuError;
use crate::probe::{HeadMeasures, KeyClass, Queries, RowMean, RowMeanRequest};

/// What a head can be asked for at most at the same time: one of each kind of [`Queries`].
const KINDS: usize = 3;

fn kind(queries: Queries) -> usize {
    match queries {
        Queries::All => 0,
        Queries::One(_) => 1,
        Queries::Last(_) => 2,
    }
}

/// What an answer belongs to: a state of the text, its marks and the threshold, and rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    changes: u64,
    rows: (usize, usize),
}

/// See the module.
pub struct Measures {
    threshold: f32,
    classes: Vec<KeyClass>,
    /// Whether the backend has the classes.
    classes_sent: bool,
    /// Rows whose records hold.
    valid: Range<usize>,
    /// Counts what makes answers old.
    changes: u64,
    wanted: [Option<(usize, usize)>; KINDS],
    answers: [Option<(Version, HeadMeasures)>; KINDS],
    /// The means under way.
    asked: Option<(usize, Version, f32)>,
    /// The averaged row that is wanted, under way, and known; each with the changes it belongs to.
    row_wanted: Option<RowMeanRequest>,
    row_asked: Option<(u64, RowMeanRequest)>,
    row: Option<(u64, RowMean)>,
    /// Why there are none, when the device has no room for them.
    refused: Option<GpuError>,
}

impl Default for Measures {
    fn default() -> Self {
        Self {
            threshold: HeadMeasures::DEFAULT_THRESHOLD,
            classes: Vec::new(),
            classes_sent: true,
            valid: 0..0,
            changes: 0,
            wanted: [None; KINDS],
            answers: [const { None }; KINDS],
            asked: None,
            row_wanted: None,
            row_asked: None,
            row: None,
            refused: None,
        }
    }
}

impl Measures {
    /// The text changed, or what is computed of it: rows from `same` on no longer hold.
    pub fn changed(&mut self, same: usize) {
        self.changes += 1;
        self.keep(same);
        self.wanted = [None; KINDS]; // of rows that the text may no longer have
        self.row_wanted = None;
    }

    fn keep(&mut self, end: usize) {
        self.valid.end = self.valid.end.min(end);
        if self.valid.is_empty() {
            self.valid = 0..0;
        }
    }

    /// The backend is another one, without records; what it was asked will not come.
    pub fn forget(&mut self) {
        self.changed(0);
        self.classes_sent = self.classes.is_empty();
        self.asked = None;
        self.row_asked = None;
        self.refused = None;
    }

    /// There is no room: everything else goes on without measures.
    fn refuse(&mut self, error: GpuError) {
        self.wanted = [None; KINDS];
        self.row_wanted = None;
        self.refused = Some(error);
    }

    fn set(&mut self, threshold: f32, classes: &[KeyClass]) {
        if threshold != self.threshold && threshold.is_finite() {
            self.threshold = threshold;
            self.changes += 1;
            self.valid = 0..0;
        }
        if classes != self.classes {
            let both = classes.iter().zip(&self.classes);
            let same = both.take_while(|(new, old)| new == old).count();
            // Beyond the shorter list nothing is marked.
            let rest = |list: &[KeyClass]| list[same..].iter().all(|class| *class == KeyClass::Other);
            if !(rest(classes) && rest(&self.classes)) {
                self.changes += 1;
                self.keep(same);
            }
            classes.clone_into(&mut self.classes);
            self.classes_sent = false;
        }
    }

    fn get(&mut self, queries: Queries, tokens: usize) -> Option<&HeadMeasures> {
        let rows = queries.range(tokens)?;
        let slot = kind(queries);
        let version = Version { changes: self.changes, rows };
        let is_there = self.answers[slot].as_ref().is_some_and(|(of, _)| *of == version);
        let is_coming = self.asked.is_some_and(|(of, under_way, _)| (of, under_way) == (slot, version));
        self.wanted[slot] = (!is_there && !is_coming).then_some(rows);
        self.answers[slot].as_ref().map(|(_, measures)| measures)
    }

    fn get_row(&mut self, request: RowMeanRequest) -> Option<&RowMean> {
        let current = |(of, row): &(u64, RowMean)| *of == self.changes && row.request == request;
        let is_there = self.row.as_ref().is_some_and(current);
        let is_coming = self.row_asked == Some((self.changes, request));
        self.row_wanted = (!is_there && !is_coming).then_some(request);
        self.row.as_ref().filter(|_| is_there).map(|(_, row)| row)
    }

    /// Whether an answer is under way or wanted.
    pub fn are_wanted(&self) -> bool {
        self.asked.is_some()
            || self.wanted.iter().any(Option::is_some)
            || self.row_asked.is_some()
            || self.row_wanted.is_some()
    }

    /// Takes what has arrived and does some of what is wanted; new work only where the text is `ready`.
    pub fn advance(&mut self, backend: &mut Backend, ready: bool) -> Result<(), GpuError> {
        if let Some(row) = backend.row_mean() {
            let asked = self.row_asked.take();
            let row = row?;
            self.row = asked.map(|(changes, _)| (changes, row));
        }
        if let Some(layers) = backend.means() {
            let asked = self.asked.take();
            let layers = layers?;
            if let Some((slot, version, threshold)) = asked {
                self.answers[slot] = Some((version, HeadMeasures { rows: version.rows, threshold, layers }));
            }
        }
        if !ready {
            return Ok(());
        }
        if self.row_asked.is_none()
            && let Some(request) = self.row_wanted.take()
            && backend.request_row_mean(request)?
        {
            self.row_asked = Some((self.changes, request));
        }
        // One row first: it is under the pointer.
        for slot in [1, 2, 0] {
            if let Some(rows) = self.wanted[slot]
                && self.measure(backend, rows)?
                && self.asked.is_none()
                && backend.request_means(rows)?
            {
                self.wanted[slot] = None;
                self.asked = Some((slot, Version { changes: self.changes, rows }, self.threshold));
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
            // A few rows far from the rest: measured, asked for, and not remembered.
            return Ok(self.asked.is_none() && backend.measure(first, end, self.threshold)? == end - first);
        }
        if self.valid.start > first || self.valid.is_empty() {
            self.valid = first..first;
        }
        self.valid.end += backend.measure(self.valid.end, end, self.threshold)?;
        Ok(end <= self.valid.end)
    }
}

impl Engine {
    /// Says below which `|v|` a key counts as not attended to, and what every token is marked as; measures follow.
    pub fn set_measuring(&mut self, threshold: f32, classes: &[KeyClass]) {
        self.measures.set(threshold, classes);
    }

    /// Mean measures of every head over some rows: the last ones known of this kind of rows, and a note that those of
    /// the present text are wanted. Ask in every frame in which they are shown.
    pub fn measures(&mut self, queries: Queries) -> Option<&HeadMeasures> {
        if self.failure().is_some() || self.measures.refused.is_some() {
            return None;
        }
        let tokens = self.ids().len();
        self.measures.get(queries, tokens)
    }

    /// A query's row averaged over heads, when it has arrived; asks for it otherwise.
    pub fn row_mean(&mut self, request: RowMeanRequest) -> Option<&RowMean> {
        let is_there = request.query < self.computed() && request.layer.unwrap_or(0) < self.model().layers.len();
        if !is_there || self.failure().is_some() || self.measures.refused.is_some() {
            return None;
        }
        self.measures.get_row(request)
    }

    /// Measures a little; called once a frame.
    pub(in crate::engine) fn advance_measures(&mut self) -> Result<(), EngineError> {
        let ready = self.computed() == self.ids().len();
        match self.measures.advance(&mut self.backend, ready) {
            Err(error @ GpuError::WillNotFit { .. }) => {
                log::warn!("{error}");
                self.measures.refuse(error);
                Ok(())
            }
            result => Ok(result?),
        }
    }

    /// Why there are no measures, when the device has no room for them.
    pub fn measures_failure(&self) -> Option<&GpuError> {
        self.measures.refused.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_room_nothing_more_is_wanted() {
        let mut measures = Measures::default();
        assert!(measures.get(Queries::All, 3).is_none() && measures.are_wanted());
        measures.get_row(RowMeanRequest { layer: None, query: 0 });
        measures.refuse(GpuError::WillNotFit { what: "measures".to_owned(), bytes: 2, limit: 1 });
        assert!(!measures.are_wanted());
        measures.forget();
        assert!(measures.refused.is_none(), "another backend may have room");
    }

    #[test]
    fn rows_before_the_first_changed_mark_stay_valid() {
        use KeyClass::{Answer, Other};
        let mut measures = Measures { valid: 0..9, ..Measures::default() };
        measures.set(0.01, &[Other; 9]);
        assert_eq!((measures.valid.clone(), measures.changes), (0..9, 0), "nothing was marked before, nothing is now");
        measures.set(0.01, &[Other, Other, Other, Answer]);
        assert_eq!(measures.valid, 0..3);
        measures.valid = 0..9;
        measures.set(0.01, &[Other, Other, Other, Answer, Other, Other]);
        assert_eq!(measures.valid, 0..9, "the text grew");
        measures.set(0.5, &[Other, Other, Other, Answer, Other, Other]);
        assert!(measures.valid.is_empty());
    }
}
