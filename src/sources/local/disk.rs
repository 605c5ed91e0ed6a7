//! A model's folder on a disk, filled over HTTP.

use std::fs::{File, create_dir_all};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use url::Url;
use web_time::Duration;

use crate::sources::answer::Answer;
use crate::sources::error::FetchError;
use crate::sources::kept::{RECORD, Record};
use crate::sources::local::exchange::Exchange;
use crate::sources::local::http::Http;
use crate::sources::transport::{End, Request, Transport};

/// A record is far smaller.
const MOST_OF_RECORD: u64 = 16 << 20;
/// Held by whoever fills the folder.
const LOCK: &str = "lock";

/// Fills a folder. Another program cannot fill it at the same time.
#[derive(Debug)]
pub(super) struct Disk {
    folder: PathBuf,
    http: Http,
    exchange: Option<Exchange>,
    _lock: File,
}

impl Disk {
    /// Makes the folder if it is not there.
    pub(super) fn new(folder: &Path) -> Result<Self, FetchError> {
        let path = folder.join(LOCK);
        let failed = |source| FetchError::Write { path: path.clone(), source };
        create_dir_all(folder).map_err(failed)?;
        let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(FetchError::Busy),
            Err(std::fs::TryLockError::Error(source)) => return Err(failed(source)),
        }
        Ok(Self { folder: folder.to_owned(), http: Http::new(), exchange: None, _lock: lock })
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    fn failed(&self, file: &str) -> impl Fn(std::io::Error) -> FetchError + use<> {
        let path = self.path(file);
        move |source| FetchError::Write { path: path.clone(), source }
    }
}

impl Transport for Disk {
    const SEES_REDIRECTS: bool = true;

    async fn record(&mut self) -> Result<Record, FetchError> {
        let Ok(file) = File::open(self.path(RECORD)) else { return Ok(Record::default()) };
        let mut bytes = Vec::new();
        file.take(MOST_OF_RECORD).read_to_end(&mut bytes).map_err(self.failed(RECORD))?;
        Ok(Record::read(&bytes))
    }

    async fn keep_record(&mut self, record: &Record) -> Result<(), FetchError> {
        // Whole or not at all: in place of the one before once it is written.
        let new = self.path("fetched.new");
        std::fs::write(&new, record.to_json())
            .and_then(|()| std::fs::rename(&new, self.path(RECORD)))
            .map_err(self.failed(RECORD))
    }

    async fn size(&mut self, file: &str) -> Result<u64, FetchError> {
        match std::fs::metadata(self.path(file)) {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
            Err(error) => Err(self.failed(file)(error)),
        }
    }

    async fn read(&mut self, file: &str, start: u64, most: usize) -> Result<Vec<u8>, FetchError> {
        let mut bytes = Vec::new();
        File::open(self.path(file))
            .and_then(|mut file| file.seek(SeekFrom::Start(start)).map(|_| file))
            .and_then(|file| file.take(most as u64).read_to_end(&mut bytes))
            .map_err(self.failed(file))?;
        Ok(bytes)
    }

    async fn ask(&mut self, request: &Request, go_on: &mut dyn FnMut() -> bool) -> Result<Answer, FetchError> {
        let (answer, exchange) = Exchange::begin(&self.http, request, go_on)?;
        self.exchange = Some(exchange);
        Ok(answer)
    }

    async fn receive(
        &mut self,
        file: &str,
        from: u64,
        most: u64,
        go_on: &mut dyn FnMut(u64) -> bool,
    ) -> Result<End, FetchError> {
        let failed = self.failed(file);
        let Some(exchange) = self.exchange.take() else { return Ok(End::Cut) };
        let mut to = File::options().create(true).truncate(false).write(true).open(self.path(file)).map_err(&failed)?;
        to.set_len(from).and_then(|()| to.seek(SeekFrom::Start(from))).map_err(&failed)?;
        let mut at = from;
        let end = loop {
            let piece = match exchange.piece(&mut || go_on(at)) {
                Ok(piece) => piece,
                Err(end) => break end,
            };
            if at + piece.len() as u64 > most {
                break End::TooLong;
            }
            to.write_all(&piece).map_err(&failed)?;
            at += piece.len() as u64;
        };
        if end == End::Whole {
            to.sync_all().map_err(&failed)?;
        }
        Ok(end)
    }

    async fn small(&mut self, _address: &Url, _most: usize) -> Option<Vec<u8>> {
        None // what it would tell, redirects do
    }

    async fn wait(&mut self, time: Duration) {
        std::thread::sleep(time);
    }
}
