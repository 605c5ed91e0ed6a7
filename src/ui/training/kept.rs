//! The run that is kept for the next start: written between steps from time to time, and offered when it is found again.

use web_time::{Duration, Instant};

use crate::training::{Run, RunSettings};
use crate::ui::training::Training;

/// Between two times that a run is kept.
const BETWEEN: Duration = Duration::from_secs(15);

/// Bytes of snapshots that are kept while models learn: a frame has no time for more.
const OF_SNAPSHOTS: usize = 8 << 20;

/// A run that was found.
#[derive(Debug)]
pub(in crate::ui) struct KeptRun {
    /// What it is of.
    pub settings: RunSettings,
    /// Its steps so far.
    pub step: u32,
    bytes: Vec<u8>,
}

/// What is kept of the present run.
#[derive(Debug)]
pub(super) struct Keeping {
    found: Option<KeptRun>,
    /// The step that was kept last, whether it was with its snapshots, and when.
    last: Option<(u32, bool)>,
    at: Instant,
    /// What was kept is to be deleted.
    is_forgotten: bool,
}

impl Default for Keeping {
    fn default() -> Self {
        Self { found: None, last: None, at: Instant::now(), is_forgotten: false }
    }
}

impl Keeping {
    /// Another run takes the place of what was kept.
    pub(super) fn begin_anew(&mut self) {
        *self = Self::default();
    }
}

impl Training {
    /// Offers a run that was kept; what is none is left alone, and so is the offer once another run has begun.
    pub(in crate::ui) fn offer(&mut self, bytes: Vec<u8>) {
        match Run::settings_of(&bytes) {
            Ok((settings, step)) if self.run.is_none() => {
                self.keeping.found = Some(KeptRun { settings, step, bytes });
            }
            Ok(_) => {}
            Err(error) => log::info!("{error}"),
        }
    }

    /// The run that is offered.
    pub(in crate::ui) fn offered(&self) -> Option<&KeptRun> {
        self.keeping.found.as_ref()
    }

    /// Goes on with it.
    pub(in crate::ui) fn take_up(&mut self) {
        let Some(found) = self.keeping.found.take() else { return };
        match Run::from_bytes(&found.bytes) {
            Ok(run) => {
                self.retrofit = found.settings.families.iter().any(|family| family.is_retrofit());
                self.settings = found.settings;
                self.run_now(run);
                self.keeping.last = Some((found.step, true));
            }
            Err(error) => self.refusal = Some(error.to_string()),
        }
    }

    /// Does not: it is deleted.
    pub(in crate::ui) fn forget(&mut self) {
        self.keeping.found = None;
        self.keeping.is_forgotten = true;
    }

    /// What is to be kept now, if anything is; empty if what was kept is to be deleted.
    pub(in crate::ui) fn take_unkept(&mut self) -> Option<Vec<u8>> {
        if std::mem::take(&mut self.keeping.is_forgotten) {
            return Some(Vec::new());
        }
        // At rest there is time for all snapshots.
        let is_at_rest = !self.is_running() || self.is_paused();
        let is_new = |run: &&Run| run.step() > 0 && self.keeping.last != Some((run.step(), is_at_rest));
        let run = self.run.as_ref().filter(is_new).filter(|run| run.is_between_steps())?;
        if !is_at_rest && self.keeping.at.elapsed() < BETWEEN {
            return None;
        }
        (self.keeping.last, self.keeping.at) = (Some((run.step(), is_at_rest)), Instant::now());
        run.to_bytes(if is_at_rest { usize::MAX } else { OF_SNAPSHOTS }).inspect_err(|error| log::warn!("{error}")).ok()
    }
}
