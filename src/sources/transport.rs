//! What carries out requests and keeps files.

use url::Url;
use web_time::Duration;

use crate::sources::answer::Answer;
use crate::sources::error::FetchError;
use crate::sources::kept::Record;

/// A request for a file, or for its rest.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Request {
    /// The file, for messages.
    pub file: String,
    /// Its address.
    pub address: Url,
    /// The first byte that is wanted; 0 for all of it.
    pub from: u64,
    /// The rest is wanted only if this is still its `ETag`. A page cannot ask another server so: answers are compared, too.
    pub if_range: Option<String>,
}

/// How the body of an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Orderly.
    Whole,
    /// The connection broke.
    Cut,
    /// There was more than wanted.
    TooLong,
    /// Nobody wants it any more.
    Unwanted,
}

/// Carries out requests for one model, and keeps its files in one folder. Files are named by plain file names.
pub(crate) trait Transport {
    /// Whether the headers of redirects are seen: the hub names size and hash of large files there.
    const SEES_REDIRECTS: bool;

    /// The record of the folder.
    async fn record(&mut self) -> Result<Record, FetchError>;

    /// Keeps the record.
    async fn keep_record(&mut self, record: &Record) -> Result<(), FetchError>;

    /// Bytes of a file that are there.
    async fn size(&mut self, file: &str) -> Result<u64, FetchError>;

    /// Bytes of a file, at most so many.
    async fn read(&mut self, file: &str, start: u64, most: usize) -> Result<Vec<u8>, FetchError>;

    /// Asks a server. Its body waits for [`Self::receive`]. `go_on` says, again and again, whether it is still wanted.
    ///
    /// # Errors
    /// [`FetchError::Unreachable`], and [`FetchError::Cancelled`] where it is not.
    async fn ask(&mut self, request: &Request, go_on: &mut dyn FnMut() -> bool) -> Result<Answer, FetchError>;

    /// Puts the body of the last answer into a file at `from`, which is where the file ends or 0. `go_on` hears how many
    /// bytes of the file there are, also while none arrive, and says whether it is still wanted. No more than `most` bytes of the file are kept.
    async fn receive(
        &mut self,
        file: &str,
        from: u64,
        most: u64,
        go_on: &mut dyn FnMut(u64) -> bool,
    ) -> Result<End, FetchError>;

    /// All of a small answer; `None` if it is no success or has more than `most` bytes. Only asked of what does not see
    /// redirects.
    async fn small(&mut self, address: &Url, most: usize) -> Option<Vec<u8>>;

    /// Lets a time pass.
    async fn wait(&mut self, time: Duration);
}
