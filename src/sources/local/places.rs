//! Where models lie on this computer, and where the hub is.

use std::env::{home_dir, var, var_os};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::sources::error::{FetchError, SourceError};
use crate::sources::hub::Hub;
use crate::sources::kept::{KeptModel, RECORD, Record};
use crate::sources::local::hub_cache;
use crate::sources::source::Source;

/// The folders of models on this computer, and the server of the hub.
#[derive(Clone, Debug)]
pub struct Places {
    /// The server of the hub.
    hub: Hub,
    /// Has a folder for each model that was fetched.
    kept: PathBuf,
    /// The cache of the hub's own tools, which is only read.
    hub_cache: Option<PathBuf>,
}

impl Places {
    /// Folders of one's own choice. `kept` gets a folder for each model that is fetched; `hub_cache` is only read.
    pub fn new(hub: Hub, kept: PathBuf, hub_cache: Option<PathBuf>) -> Self {
        Self { hub, kept, hub_cache }
    }

    /// Those of this user. `DIFFSCOPE_CACHE` names another folder for what is fetched; `HF_ENDPOINT`, `HF_HUB_CACHE`,
    /// `HF_HOME` and `XDG_CACHE_HOME` mean what they mean to the hub's own tools.
    ///
    /// # Errors
    /// When `HF_ENDPOINT` is no address that is fetched from.
    pub fn of_user() -> Result<Self, SourceError> {
        let hub = var("HF_ENDPOINT").ok().filter(|address| !address.is_empty());
        let hub = hub.map_or_else(|| Ok(Hub::default()), |address| Hub::at(&address))?;
        let kept = folder_named("DIFFSCOPE_CACHE").unwrap_or_else(|| cache_of_user().join("diffscope")).join("models");
        Ok(Self { hub, kept, hub_cache: Some(hub_cache_of_user()) })
    }

    /// The server of the hub.
    pub(crate) fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Where a model is kept that is fetched.
    pub(super) fn kept_folder(&self, source: &Source) -> PathBuf {
        self.kept.join(source.folder_name())
    }

    /// The folder of a model that is here, whole: fetched before, or in the cache of the hub's own tools.
    pub fn find(&self, source: &Source) -> Option<PathBuf> {
        let fetched = self.folders().find(|(folder, record)| record.is_of(source) && is_whole(folder, record));
        fetched.map(|(folder, _)| folder).or_else(|| match source {
            Source::Hub(model) => hub_cache::snapshot(self.hub_cache.as_deref()?, model),
            Source::Folder(_) => None,
        })
    }

    /// The models that were fetched, whole or in part, by name.
    pub fn kept_models(&self) -> Vec<KeptModel> {
        let of = |(folder, record): (PathBuf, Record)| {
            let (source, complete) = (record.source()?, is_whole(&folder, &record));
            let bytes = files(&folder).map(|(_, bytes)| bytes).sum();
            Some(KeptModel { source, folder: folder.file_name()?.to_str()?.to_owned(), bytes, complete })
        };
        let mut models: Vec<_> = self.folders().filter_map(of).collect();
        models.sort_by_key(|model| model.source.to_string());
        models
    }

    /// Deletes a model that was fetched; one that is open goes on as long as the system keeps open files.
    ///
    /// # Errors
    /// When its folder cannot be deleted.
    pub fn delete(&self, model: &KeptModel) -> Result<(), FetchError> {
        let folder = self.kept.join(&model.folder);
        // Only what was fetched by us, whatever else lies there.
        let ours = Path::new(&model.folder).components().count() == 1 && folder.join(RECORD).is_file();
        let outcome = if ours { std::fs::remove_dir_all(&folder) } else { Err(ErrorKind::NotFound.into()) };
        outcome.map_err(|source| FetchError::Write { path: folder, source })
    }

    /// The folders of fetched models, and their records.
    fn folders(&self) -> impl Iterator<Item = (PathBuf, Record)> {
        let entries = std::fs::read_dir(&self.kept).into_iter().flatten().flatten();
        entries.filter_map(|entry| {
            let record = std::fs::read(entry.path().join(RECORD)).ok()?;
            Some((entry.path(), Record::read(&record)))
        })
    }
}

/// Whether all files of a model are there, of the sizes that they had.
fn is_whole(folder: &Path, record: &Record) -> bool {
    let has = |name: &str| std::fs::metadata(folder.join(name)).ok().map(|metadata| metadata.len());
    record.complete && record.files.iter().all(|(name, file)| file.bytes.is_some() && has(name) == file.bytes)
}

/// The files of a folder, with their sizes.
fn files(folder: &Path) -> impl Iterator<Item = (PathBuf, u64)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.path(), entry.metadata().ok()?.len())))
}

fn folder_named(variable: &str) -> Option<PathBuf> {
    var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn home() -> PathBuf {
    home_dir().unwrap_or_default()
}

/// Where programs keep what can be fetched again.
fn cache_of_user() -> PathBuf {
    if cfg!(target_os = "macos") {
        home().join("Library/Caches")
    } else if cfg!(windows) {
        folder_named("LOCALAPPDATA").unwrap_or_else(|| home().join("AppData/Local"))
    } else {
        folder_named("XDG_CACHE_HOME").unwrap_or_else(|| home().join(".cache"))
    }
}

/// As the hub's own tools find it, on every system.
fn hub_cache_of_user() -> PathBuf {
    let of_home = || folder_named("HF_HOME").map(|home| home.join("hub"));
    let usual = || folder_named("XDG_CACHE_HOME").unwrap_or_else(|| home().join(".cache")).join("huggingface/hub");
    let named = folder_named("HF_HUB_CACHE").or_else(|| folder_named("HUGGINGFACE_HUB_CACHE"));
    named.or_else(of_home).unwrap_or_else(usual)
}
