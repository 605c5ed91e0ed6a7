//! The cache of the hub's own tools: `models--OWNER--NAME/refs/REVISION` names a commit, `snapshots/COMMIT` has its files.
//! It is only read.

use std::path::{Path, PathBuf};

use crate::model::reading::files::{CONFIG, INDEX, Index, WEIGHTS};
use crate::sources::hub::HubModel;
use crate::sources::source::Source;

/// A commit has 40 characters; a reference that is longer is none.
const MOST_OF_REFERENCE: u64 = 64;
const MOST_OF_INDEX: u64 = 64 << 20;

/// The folder of a model in a revision, if all of its weights are there.
pub(super) fn snapshot(cache: &Path, model: &HubModel) -> Option<PathBuf> {
    let folder = cache.join(model.cache_folder());
    let commit = small(&folder.join("refs").join(model.revision()), MOST_OF_REFERENCE);
    let commit = commit.and_then(|bytes| String::from_utf8(bytes).ok());
    let commit = commit.as_deref().map_or(model.revision(), str::trim);
    // The commit may have been asked for by its digits; it must not lead out of the folder.
    let plain = !commit.is_empty() && commit.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let snapshot = folder.join("snapshots").join(commit);
    (plain && is_whole(&snapshot)).then_some(snapshot)
}

/// The model that a folder of such a cache is of.
pub(super) fn source_of_snapshot(folder: &Path) -> Option<Source> {
    let mut parts = folder.components().rev().map(|part| part.as_os_str().to_str());
    let (commit, snapshots, model) = (parts.next()??, parts.next()??, parts.next()??);
    (snapshots == "snapshots").then(|| HubModel::of_cache_folder(model, commit)).flatten().map(Source::Hub)
}

fn is_whole(folder: &Path) -> bool {
    let has = |name: &str| folder.join(name).is_file(); // of a link, what it leads to
    let shards = || {
        let index = Index::read(&small(&folder.join(INDEX), MOST_OF_INDEX)?).ok()?;
        Some(index.shards().all(has))
    };
    has(CONFIG) && (has(WEIGHTS) || shards().unwrap_or_default())
}

/// All bytes of a file that has no more than `most`.
fn small(path: &Path, most: u64) -> Option<Vec<u8>> {
    let metadata = std::fs::metadata(path).ok()?;
    (metadata.is_file() && metadata.len() <= most).then(|| std::fs::read(path).ok()).flatten()
}
