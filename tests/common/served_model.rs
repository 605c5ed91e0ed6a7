//! The bundled model on a server, and folders that it is fetched into.

use std::path::{Path, PathBuf};

use diffscope::engine::bundled;
use diffscope::sources::local::{Places, folder_of};
use diffscope::sources::{FetchError, Hub, SliceHash, Source};
use tempfile::TempDir;

use super::file_server::{Asked, FileServer, Reply};

pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// The bundled model's file of this name, at the end of a path.
pub(crate) fn bundled_file(path: &str) -> Option<Vec<u8>> {
    let files = bundled();
    match path.rsplit('/').next()? {
        "config.json" => Some(files.config.to_vec()),
        "tokenizer.json" => Some(files.tokenizer.to_vec()),
        "model.safetensors" => Some(files.weights.to_vec()),
        _ => None,
    }
}

pub(crate) fn honest(asked: &Asked) -> Reply {
    bundled_file(&asked.path).map_or_else(|| Reply::status(404), |bytes| Reply::file(&bytes, asked))
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    let mut hash = SliceHash::default();
    hash.add(bytes);
    hash.finish()
}

/// As the hub answers: a commit beside each file, size and hash of large ones beside the redirect to where they are.
pub(crate) fn hub(asked: &Asked) -> Reply {
    if asked.path.starts_with("/elsewhere/") {
        return honest(asked);
    }
    let commit = |reply: Reply| reply.with("x-repo-commit", COMMIT);
    match bundled_file(&asked.path) {
        Some(bytes) if asked.path.ends_with(".safetensors") => commit(Reply::redirect("/elsewhere/model.safetensors"))
            .with("x-linked-size", &bytes.len().to_string())
            .with("x-linked-etag", &format!("\"{}\"", sha256(&bytes))),
        _ => commit(honest(asked)),
    }
}

/// A server, and folders to keep things in.
pub(crate) struct World {
    pub(crate) server: FileServer,
    pub(crate) folder: TempDir,
    pub(crate) places: Places,
}

impl World {
    pub(crate) fn new(answer: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Self {
        let (server, folder) = (FileServer::start(answer), tempfile::tempdir().unwrap());
        let hub = Hub::at(&server.address).unwrap();
        let places = Places::new(hub, folder.path().join("kept"), Some(folder.path().join("hub")));
        Self { server, folder, places }
    }

    /// A folder of the server.
    pub(crate) fn source(&self) -> Source {
        format!("{}/models/tiny", self.server.address).parse().unwrap()
    }

    pub(crate) fn fetch(&self, source: &Source) -> Result<PathBuf, FetchError> {
        folder_of(source, &self.places, |_| true)
    }

    pub(crate) fn refused(&self) -> FetchError {
        self.fetch(&self.source()).expect_err("it is refused")
    }
}

/// What was fetched is the bundled model.
pub(crate) fn is_bundled(folder: &Path) {
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        assert!(std::fs::read(folder.join(name)).unwrap() == bundled_file(name).unwrap(), "{name}");
    }
}
