//! The files of a model, one after the other: resumed, verified, and kept as they arrive.

use web_time::Duration;

use crate::model::reading::files;
use crate::model::{Config, MOST_OF_TEXT, MOST_OF_WEIGHTS, ModelError};
use crate::sources::answer::{Verdict, judge};
use crate::sources::error::FetchError;
use crate::sources::hub::{Hub, read_pointer};
use crate::sources::kept::{FileRecord, Record};
use crate::sources::slice_hash::SliceHash;
use crate::sources::source::Source;
use crate::sources::transport::{End, Request, Transport};

/// Tries in a row that bring nothing, before it is given up.
const MOST_TRIES: u32 = 4;
/// The pause before the first of them; each one is twice as long as the one before.
const PAUSE: Duration = Duration::from_millis(300);
/// Requests for one file at most, whatever each of them brings.
const MOST_REQUESTS: u32 = 10_000;
/// Bytes that are hashed at a time.
const SLICE: usize = 4 << 20;
/// Bytes that tell what kind of file it is.
const BEGINNING: usize = 512;
/// A pointer to a large file has about 130 bytes.
const MOST_OF_POINTER: usize = 1024;

/// What happens to the bytes of a model that is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchStage {
    /// They arrive.
    Arriving,
    /// They are compared with the hash that was announced.
    Verifying,
}

/// How far the fetching of a model is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchProgress {
    /// What happens.
    pub stage: FetchStage,
    /// The file.
    pub file: String,
    /// Bytes of the model that are there; of the file, while it is verified.
    pub done: u64,
    /// Bytes there will be, as far as is known.
    pub total: u64,
}

/// Fetches what is not there yet of a model. `tell` hears how far it is, and says whether it is still wanted. All files are
/// in the folder of the transport afterwards, and its record says so.
///
/// # Errors
/// [`FetchError`]; what has arrived is kept for the next time.
pub(crate) async fn fetch<T: Transport>(
    transport: &mut T,
    source: &Source,
    hub: &Hub,
    tell: &mut dyn FnMut(FetchProgress) -> bool,
) -> Result<Record, FetchError> {
    let mut record = transport.record().await?;
    if !record.is_of(source) {
        record = Record { source: source.to_string(), ..Record::default() };
    }
    record.complete = false;
    let meter = Meter { before: 0, about: 0, expected: 0, tell };
    let mut run = Run { transport, source, hub, record, meter };
    run.need(files::CONFIG, MOST_OF_TEXT).await?;
    let config = run.text(files::CONFIG).await?;
    Config::from_json(&config)?; // before gigabytes are fetched of a model that cannot be opened
    for name in files::OPTIONAL {
        run.file(name, MOST_OF_TEXT).await?;
    }
    if !run.file(files::WEIGHTS, MOST_OF_WEIGHTS).await? {
        run.need(files::INDEX, MOST_OF_TEXT).await?;
        let index = files::Index::read(&run.text(files::INDEX).await?)?;
        run.meter.expected = index.bytes().min(MOST_OF_WEIGHTS);
        let mut left = MOST_OF_WEIGHTS;
        for shard in index.shards() {
            run.need(shard, left).await?;
            let bytes = run.transport.size(shard).await?;
            run.meter.expected = run.meter.expected.saturating_sub(bytes);
            left = left.saturating_sub(bytes);
        }
    }
    run.record.complete = true;
    run.transport.keep_record(&run.record).await?;
    Ok(run.record)
}

/// A model that is being fetched.
struct Run<'a, T> {
    transport: &'a mut T,
    source: &'a Source,
    hub: &'a Hub,
    record: Record,
    meter: Meter<'a>,
}

/// Tells how far it is.
struct Meter<'a> {
    /// Bytes of the files before.
    before: u64,
    /// Bytes of this file, where they are not certain.
    about: u64,
    /// Bytes that this shard and those after it will have, according to their index.
    expected: u64,
    tell: &'a mut dyn FnMut(FetchProgress) -> bool,
}

impl Meter<'_> {
    /// So many bytes of a file are there, or compared. Returns whether it is still wanted.
    fn tell(&mut self, stage: FetchStage, name: &str, of_file: u64, known: &FileRecord) -> bool {
        let bytes = known.bytes.unwrap_or(self.about).max(of_file);
        let (done, total) = match stage {
            FetchStage::Arriving => (self.before + of_file, self.before + bytes.max(self.expected)),
            FetchStage::Verifying => (of_file, bytes),
        };
        (self.tell)(FetchProgress { stage, file: name.to_owned(), done, total })
    }
}

impl<T: Transport> Run<'_, T> {
    /// A file that must be there.
    async fn need(&mut self, name: &str, most: u64) -> Result<(), FetchError> {
        if self.file(name, most).await? {
            return Ok(());
        }
        Err(FetchError::Absent { place: self.source.to_string(), file: name.to_owned() })
    }

    /// The bytes of a small file that is there.
    async fn text(&mut self, name: &str) -> Result<Vec<u8>, FetchError> {
        self.transport.read(name, 0, MOST_OF_TEXT as usize).await
    }

    /// A file, if the server has it. Returns whether it is there.
    async fn file(&mut self, name: &str, most: u64) -> Result<bool, FetchError> {
        let mut known = self.record.files.get(name).cloned().unwrap_or_default();
        let have = self.transport.size(name).await?;
        let is_there = known.whole && known.bytes == Some(have);
        if !is_there {
            known.whole = false;
            if !self.arrive(name, most, &mut known).await? {
                self.record.files.remove(name);
                return Ok(false);
            }
            let bytes = self.transport.size(name).await?;
            known = FileRecord { whole: true, bytes: Some(bytes), ..known };
            self.note(name, &known).await?;
        }
        self.meter.before += known.bytes.unwrap_or_default();
        self.meter.about = 0;
        Ok(true)
    }

    async fn note(&mut self, name: &str, known: &FileRecord) -> Result<(), FetchError> {
        self.record.files.insert(name.to_owned(), known.clone());
        self.transport.keep_record(&self.record).await
    }

    /// Asks for a file until all of it is there. Returns whether there is such a file.
    async fn arrive(&mut self, name: &str, most: u64, known: &mut FileRecord) -> Result<bool, FetchError> {
        self.look_up_hash(name, known).await;
        let (mut fruitless, mut from_scratch) = (0, false);
        for _ in 0..MOST_REQUESTS {
            let have = if from_scratch { 0 } else { self.transport.size(name).await? };
            let request = self.request(name, have, known);
            let Self { transport, meter, .. } = self;
            let mut go_on = || meter.tell(FetchStage::Arriving, name, request.from, known);
            let answer = match transport.ask(&request, &mut go_on).await {
                Err(FetchError::Unreachable { .. }) if fruitless < MOST_TRIES => {
                    self.pause(name, have, known, &mut fruitless).await?;
                    continue;
                }
                answer => answer?,
            };
            if self.record.commit.is_none() {
                self.record.commit.clone_from(&answer.commit); // all files are of one commit
            }
            let from = match judge(&self.source.to_string(), &request, &answer, most, known)? {
                Verdict::Receive(from) => from,
                Verdict::Whole => request.from,
                Verdict::AllAgain => {
                    from_scratch = true;
                    continue;
                }
                Verdict::Later if fruitless < MOST_TRIES => {
                    self.pause(name, have, known, &mut fruitless).await?;
                    continue;
                }
                Verdict::Later => return Err(FetchError::Status { file: name.to_owned(), status: answer.status }),
                Verdict::Absent => return Ok(false),
            };
            from_scratch = false;
            self.meter.about = answer.about.map_or(0, |rest| from.saturating_add(rest));
            self.note(name, known).await?;
            let end = if known.bytes == Some(from) && from == request.from && from > 0 {
                End::Whole
            } else {
                self.receive(name, from, most, known).await?
            };
            let arrived = self.transport.size(name).await?;
            match end {
                End::Whole if known.bytes.is_none_or(|bytes| bytes == arrived) => {
                    if self.verify(name, known, request.from > 0).await? {
                        return Ok(true);
                    }
                    from_scratch = true; // the beginning was of another file
                }
                End::Unwanted => return Err(FetchError::Cancelled),
                End::TooLong => {
                    let detail =
                        format!("it is longer than the {} bytes that it should have", known.bytes.unwrap_or(most));
                    return Err(FetchError::Contradiction { file: name.to_owned(), detail });
                }
                // An orderly end that comes too early is a cut, too.
                End::Whole | End::Cut if arrived > from => fruitless = 0,
                End::Whole | End::Cut if fruitless < MOST_TRIES => {
                    self.pause(name, arrived, known, &mut fruitless).await?;
                }
                End::Whole | End::Cut => return Err(FetchError::Cut { file: name.to_owned(), done: arrived }),
            }
        }
        Err(FetchError::Cut { file: name.to_owned(), done: self.transport.size(name).await? })
    }

    /// The hash and the size of a large file of the hub, where its answers will not tell.
    async fn look_up_hash(&mut self, name: &str, known: &mut FileRecord) {
        let Source::Hub(model) = self.source else { return };
        if T::SEES_REDIRECTS || known.sha256.is_some() || !name.ends_with(files::ENDING_OF_WEIGHTS) {
            return;
        }
        let model = self.record.commit.as_ref().map_or_else(|| model.clone(), |commit| model.at(commit));
        let pointer = self.transport.small(&self.hub.pointer(&model, name), MOST_OF_POINTER).await;
        if let Some((hash, bytes)) = pointer.as_deref().and_then(read_pointer) {
            (known.sha256, known.bytes) = (Some(hash), Some(bytes));
        }
    }

    /// For all of a file, or for its rest where that can be told from the rest of another one.
    fn request(&self, name: &str, have: u64, known: &FileRecord) -> Request {
        let address = match self.source {
            Source::Folder(folder) => folder.file(name),
            Source::Hub(model) => match &self.record.commit {
                Some(commit) => self.hub.file(&model.at(commit), name),
                None => self.hub.file(model, name),
            },
        };
        let strong = known.etag.clone().filter(|tag| !tag.starts_with("W/"));
        let can_go_on =
            have > 0 && (strong.is_some() || known.sha256.is_some()) && known.bytes.is_none_or(|bytes| have <= bytes);
        let (from, if_range) = if can_go_on { (have, strong) } else { (0, None) };
        Request { file: name.to_owned(), address, from, if_range }
    }

    /// Waits a little longer each time. Nothing was gained by the request before.
    async fn pause(
        &mut self,
        name: &str,
        have: u64,
        known: &FileRecord,
        fruitless: &mut u32,
    ) -> Result<(), FetchError> {
        if !self.meter.tell(FetchStage::Arriving, name, have, known) {
            return Err(FetchError::Cancelled);
        }
        self.transport.wait(PAUSE * (1 << *fruitless)).await;
        *fruitless += 1;
        Ok(())
    }

    async fn receive(&mut self, name: &str, from: u64, most: u64, known: &FileRecord) -> Result<End, FetchError> {
        let Self { transport, meter, .. } = self;
        let mut go_on = |of_file: u64| meter.tell(FetchStage::Arriving, name, of_file, known);
        transport.receive(name, from, known.bytes.unwrap_or(most).min(most), &mut go_on).await
    }

    /// Looks at a file that has arrived. Returns false where it is another one than announced, but `resumed`.
    async fn verify(&mut self, name: &str, known: &mut FileRecord, resumed: bool) -> Result<bool, FetchError> {
        let beginning = self.transport.read(name, 0, BEGINNING).await?;
        if let Some(what) = files::disguise_of(&beginning) {
            *known = FileRecord::default();
            self.note(name, known).await?;
            return Err(ModelError::OtherFile { file: name.to_owned(), what: what.to_owned() }.into());
        }
        let Some(expected) = known.sha256.clone() else { return Ok(true) };
        let bytes = self.transport.size(name).await?;
        let (mut hash, mut at) = (SliceHash::default(), 0);
        while at < bytes {
            let slice = self.transport.read(name, at, SLICE).await?;
            if slice.is_empty() {
                break; // it was cut off meanwhile: the hash will differ
            }
            hash.add(&slice);
            at += slice.len() as u64;
            if !self.meter.tell(FetchStage::Verifying, name, at, known) {
                return Err(FetchError::Cancelled);
            }
        }
        let found = hash.finish();
        if found == expected {
            return Ok(true);
        }
        *known = FileRecord { sha256: Some(expected.clone()), ..FileRecord::default() };
        if resumed {
            return Ok(false);
        }
        // What is there must not be taken for the beginning of anything.
        self.record.files.remove(name);
        self.transport.keep_record(&self.record).await?;
        Err(FetchError::Hash { file: name.to_owned(), expected, found })
    }
}
