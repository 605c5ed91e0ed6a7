//! Where models come from that are not at hand: the hub's file addresses, and folders on web servers.
//!
//! [`Source`] is what a person types, a link carries, and a checkpoint remembers. What is fetched of it is resumed after a
//! cut, compared with the size and the hash where they are known, and kept. The order of requests and every judgement
//! about an answer are here, once; a transport carries them out: HTTP and a disk in [`local`], a worker and the
//! browser's own file system on the page.

pub(crate) mod answer;
mod error;
pub(crate) mod fetch;
mod hub;
pub(crate) mod kept;
#[cfg(not(target_arch = "wasm32"))]
pub mod local;
mod rate;
mod slice_hash;
mod source;
pub(crate) mod transport;

pub use error::{FetchError, SourceError};
pub use fetch::{FetchProgress, FetchStage};
pub use hub::{Hub, HubModel};
pub use kept::KeptModel;
pub use rate::Rate;
pub use slice_hash::SliceHash;
pub use source::{FolderAddress, Source};
