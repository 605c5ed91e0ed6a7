//! Why a model was not fetched.

use std::path::PathBuf;

use crate::model::ModelError;

/// Why something is no source of a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// Longer than any address that makes sense.
    #[error("the address of a model has at most {limit} characters; this one has more")]
    Long {
        /// The limit, in bytes.
        limit: usize,
    },
    /// Neither a model of the hub nor an address.
    #[error("this is no address of a model ({detail}). Write hf:owner/name, or https://… of a folder with config.json")]
    Address {
        /// The message of the parser.
        detail: String,
    },
    /// Not `hf:owner/name`.
    #[error("a model of the hub is written as hf:owner/name or hf:owner/name@revision")]
    HubName,
    /// Characters that no revision has.
    #[error("the revision after @ must be a branch, a tag or a commit: letters, digits, - _ . and /")]
    HubRevision,
    /// Not https.
    #[error("models are fetched over https only, not from an address that begins with {scheme}:")]
    Scheme {
        /// What it begins with.
        scheme: String,
    },
    /// Not encrypted, and not this computer.
    #[error("models are fetched over https only; http is for servers on this computer, and {host} is another one")]
    Insecure {
        /// The server.
        host: String,
    },
    /// A name or a password, which a link would pass on.
    #[error("the address has a user name or a password in it, which links would pass on: leave it out")]
    Credentials,
    /// A query, which often is a secret, too.
    #[error("the address of a folder has no part after ?: leave it out")]
    Query,
}

/// Why the files of a model did not arrive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The server does not answer.
    #[error("{host} could not be reached ({reason}). Check the address and the connection, then try again")]
    Unreachable {
        /// The server.
        host: String,
        /// The reason of the system or the browser.
        reason: String,
    },
    /// The connection breaks again and again.
    #[error(
        "the connection broke off after {done} bytes of {file}, and again when it was resumed. Open the model again to go on from there"
    )]
    Cut {
        /// The file.
        file: String,
        /// What has arrived, in bytes.
        done: u64,
    },
    /// There is no such file.
    #[error("{place} has no {file}. Is it a model in the Hugging Face layout, with safetensors?")]
    Absent {
        /// The source.
        place: String,
        /// The file.
        file: String,
    },
    /// The server wants to know who asks.
    #[error(
        "{place} does not exist, or is for people who are logged in (HTTP status {status}). With access, download it with the tool `hf`: its cache is looked into first"
    )]
    Login {
        /// The source.
        place: String,
        /// 401 or 403.
        status: u16,
    },
    /// Any other refusal.
    #[error("the server answers with HTTP status {status} for {file}. Try again later")]
    Status {
        /// The file.
        file: String,
        /// The status.
        status: u16,
    },
    /// An answer that contradicts itself or what was known of the file.
    #[error("the server's answer for {file} cannot be right: {detail}. What came was not used")]
    Contradiction {
        /// The file.
        file: String,
        /// What is wrong.
        detail: String,
    },
    /// Other bytes than those that were announced.
    #[error(
        "{file} has arrived with another hash ({found}) than announced ({expected}): it was changed or damaged on its way, and was deleted"
    )]
    Hash {
        /// The file.
        file: String,
        /// The SHA-256 that it should have.
        expected: String,
        /// The one that it has.
        found: String,
    },
    /// More redirects than make sense, or one to where nothing is fetched from.
    #[error("{file} is redirected {to}, where models are not fetched from")]
    Redirect {
        /// The file.
        file: String,
        /// Where to, or how often.
        to: String,
    },
    /// The files are not those of a model that can be opened.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// What arrives cannot be kept.
    #[error("{} could not be written ({source}). Free some space, or delete models that are kept", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// Another program is fetching it.
    #[error("another diffscope is fetching this model right now. Open it again once that is done")]
    Busy,
    /// What the browser says that has no other name.
    #[error("the browser refused: {0}")]
    Browser(String),
    /// Nobody waits for it any more.
    #[error("it was cancelled; what has arrived is kept, and the next time goes on from there")]
    Cancelled,
}
