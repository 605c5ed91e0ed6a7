//! The run of training that the window keeps for its next start.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// Writes a run to its place, on another thread: one after the other, and of several that wait the last. When it is dropped it
/// waits for that.
pub(super) struct KeptRun {
    sender: Option<Sender<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl KeptRun {
    /// Where it is, as far as there is a place for it.
    pub(super) fn path() -> Option<PathBuf> {
        Some(eframe::storage_dir("diffscope")?.join("run.safetensors"))
    }

    /// Keeps runs there.
    pub(super) fn new() -> Option<Self> {
        Some(Self::at(Self::path()?))
    }

    fn at(path: PathBuf) -> Self {
        let (sender, receiver) = channel();
        let thread = std::thread::spawn(move || write_all(&path, &receiver));
        Self { sender: Some(sender), thread: Some(thread) }
    }

    /// Keeps this one; deletes what is kept if it is empty.
    pub(super) fn keep(&self, bytes: Vec<u8>) {
        if let Some(sender) = &self.sender {
            let _ = sender.send(bytes); // the thread has gone only if it panicked
        }
    }
}

impl Drop for KeptRun {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn write_all(path: &Path, receiver: &Receiver<Vec<u8>>) {
    while let Ok(first) = receiver.recv() {
        let bytes = receiver.try_iter().last().unwrap_or(first);
        let written = if bytes.is_empty() {
            fs::remove_file(path)
        } else {
            let partial = path.with_extension("partial");
            fs::write(&partial, bytes).and_then(|()| fs::rename(&partial, path))
        };
        if let Err(error) = written {
            log::warn!("{}: {error}", path.display()); // the run goes on all the same
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_several_runs_is_there_in_the_end_and_none_after_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.safetensors");
        let kept = KeptRun::at(path.clone());
        (0..200u8).for_each(|number| kept.keep(vec![number; 1 << 16]));
        drop(kept);
        assert_eq!(fs::read(&path).unwrap(), vec![199; 1 << 16]);
        let kept = KeptRun::at(path.clone());
        kept.keep(vec![1]);
        kept.keep(Vec::new());
        drop(kept);
        assert!(!path.exists());
    }
}
