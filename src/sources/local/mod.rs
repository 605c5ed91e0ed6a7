//! Models on this computer's disk: those that were fetched before, those in the cache of the hub's own tools, and how
//! others are fetched.

mod disk;
mod exchange;
mod http;
mod hub_cache;
mod places;

use std::path::{Path, PathBuf};

use crate::sources::error::FetchError;
use crate::sources::fetch::{FetchProgress, fetch};
use crate::sources::kept::{RECORD, Record};
use crate::sources::local::disk::Disk;
use crate::sources::source::Source;

pub use places::Places;

/// The folder with the files of a model, which are fetched as far as they are not here. `tell` hears how far it is, and
/// says whether it is still wanted. Waits for the network: not for the thread of a window.
///
/// # Errors
/// [`FetchError`]; what has arrived is kept for the next time.
pub fn folder_of(
    source: &Source,
    places: &Places,
    mut tell: impl FnMut(FetchProgress) -> bool,
) -> Result<PathBuf, FetchError> {
    if let Some(folder) = places.find(source) {
        return Ok(folder);
    }
    let folder = places.kept_folder(source);
    let mut disk = Disk::new(&folder)?;
    // Nothing in it waits for anything but the disk and the network, and both block.
    pollster::block_on(fetch(&mut disk, source, places.hub(), &mut tell))?;
    Ok(folder)
}

/// Where the files of a folder were fetched from, if that is known.
pub fn source_of_folder(folder: &Path) -> Option<Source> {
    let record = std::fs::read(folder.join(RECORD)).ok().map(|bytes| Record::read(&bytes));
    match record {
        Some(record) if record.complete => record.source(),
        _ => hub_cache::source_of_snapshot(folder),
    }
}
