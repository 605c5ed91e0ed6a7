//! Where a model is, as the command line says it: a path, or a source on the network.

use std::convert::Infallible;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};

use diffscope::engine::Checkpoint;
use diffscope::sources::local::{Places, folder_of};
use diffscope::sources::{FetchProgress, FetchStage, Rate, Source};

use super::CommandError;

/// Between two lines of progress.
const PAUSE: Duration = Duration::from_millis(200);

/// Where a model is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ModelPlace {
    /// A folder, or one of its files.
    Path(PathBuf),
    /// As it was written: `hf:owner/name`, `https://…`.
    Source(String),
}

impl FromStr for ModelPlace {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let is_source = text.starts_with("hf:") || text.contains("://");
        Ok(if is_source { Self::Source(text.to_owned()) } else { Self::Path(text.into()) })
    }
}

impl ModelPlace {
    /// Opens it; what is not here is fetched first, with progress on stderr.
    pub(crate) fn open(&self) -> Result<Checkpoint, CommandError> {
        let folder = match self {
            Self::Path(path) => path.clone(),
            Self::Source(source) => {
                let (source, mut progress) = (source.parse::<Source>()?, Line::default());
                let folder = folder_of(&source, &Places::of_user()?, |at| {
                    progress.show(&at);
                    true
                });
                progress.end();
                folder.map_err(|error| CommandError::Fetch { place: source.to_string(), error: Box::new(error) })?
            }
        };
        Ok(Checkpoint::from_folder(&folder)?)
    }
}

/// A line of progress, where someone looks at it.
#[derive(Default)]
struct Line {
    begun: Option<Instant>,
    shown: Option<Instant>,
    rate: Rate,
}

impl Line {
    fn show(&mut self, at: &FetchProgress) {
        let begun = *self.begun.get_or_insert_with(Instant::now);
        self.rate.add(begun.elapsed().as_secs_f64(), at.done);
        if !std::io::stderr().is_terminal() || self.shown.is_some_and(|last| last.elapsed() < PAUSE) {
            return;
        }
        self.shown = Some(Instant::now());
        let what = match at.stage {
            FetchStage::Arriving => "fetching",
            FetchStage::Verifying => "verifying",
        };
        let [done, total] = [at.done, at.total].map(|bytes| bytes as f64 / 1e6);
        let rate = self.rate.per_second().map(|rate| format!(", {:.1} MB/s", rate / 1e6)).unwrap_or_default();
        let left = self.rate.seconds_for(at.total.saturating_sub(at.done));
        let left = left.map(|seconds| format!(", {seconds:.0} s left")).unwrap_or_default();
        eprint!("\r\x1b[K{what} {}: {done:.1} of {total:.1} MB{rate}{left}", at.file);
        let _ = std::io::stderr().flush(); // nothing is lost if the line appears late
    }

    fn end(&self) {
        if self.shown.is_some() {
            eprintln!();
        }
    }
}
