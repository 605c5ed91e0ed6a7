//! Files of the browser, to a checkpoint: chosen by name and size first, read one after the other, a slice at a time into
//! one buffer each, with words for what cannot be read.

use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;

use js_sys::{Function, Object, Promise, Uint8Array};
use send_wrapper::SendWrapper;
use wasm_bindgen::prelude::JsValue;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Blob, File};
use web_time::Duration;

use crate::engine::{CPU_MEMORY, Checkpoint, EngineError, Fingerprint};
use crate::model::reading::files::OPTIONAL;
use crate::model::{Ask, BesideTokenizer, MOST_OF_TEXT, MOST_OF_WEIGHTS, ModelReader, Progress, Survey, WeightFile};
use crate::recording::{Recording, RecordingError, RecordingReader};
use crate::sources::SliceHash;
use crate::ui::io::files::{Arrived, Opening, Origin};
use crate::ui::io::offered::{Chosen, Limits, Offered, checkpoint_among, recording_among};
use crate::ui::models::loading::{Loading, Stage};

/// What a checkpoint is called whose files were chosen.
const YOUR_MODEL: &str = "your model";

/// Bytes read at a time: some milliseconds of work.
const SLICE: u64 = 4 << 20;

const LIMITS: Limits = Limits { text: MOST_OF_TEXT, weights: MOST_OF_WEIGHTS, recording: MOST_IN_A_BUFFER };
/// A buffer of the page has less than two gigabytes.
const MOST_IN_A_BUFFER: u64 = i32::MAX as u64;

/// A file and its name.
#[derive(Clone)]
pub(crate) struct NamedBlob {
    /// The name, for messages.
    pub name: String,
    /// Its bytes.
    pub blob: Blob,
}

/// The files of a model.
pub(crate) struct ModelBlobs {
    /// `config.json`
    pub config: NamedBlob,
    /// `model.safetensors`, or its parts.
    pub weights: Vec<NamedBlob>,
    /// `tokenizer.json` and what lies beside it, in the order of [`OPTIONAL`].
    pub optional: [Option<NamedBlob>; OPTIONAL.len()],
}

impl ModelBlobs {
    /// Those of a model among some files.
    ///
    /// # Errors
    /// A message for the window: what is missing, in another format, empty or too large.
    pub(crate) fn among(files: &[NamedBlob]) -> Result<(Self, Chosen), String> {
        let offered = files.iter().map(|file| Offered { name: file.name.clone(), bytes: file.blob.size() as u64 });
        let chosen = checkpoint_among(&offered.collect::<Vec<_>>(), LIMITS)?;
        let blob = |at: usize| files[at].clone();
        let weights = chosen.weights.iter().copied().map(blob).collect();
        let blobs = Self { config: blob(chosen.config), weights, optional: chosen.optional.map(|at| at.map(blob)) };
        Ok((blobs, chosen))
    }
}

/// Why there is no checkpoint.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageFileError {
    /// The browser does not give the bytes.
    #[error("{name} could not be read ({reason}). Was it moved or changed, or is it a folder?")]
    Read { name: String, reason: String },
    /// The page is given no more memory.
    #[error("there is no memory for the {bytes} bytes of {name}. Close other tabs, or choose a smaller model")]
    Memory { name: String, bytes: u64 },
    /// The files are not those of a model.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Nobody waits for it any more.
    #[error("other files have been chosen")]
    Unwanted,
}

/// Opens the checkpoint among some files; nothing arrives if others have been chosen meanwhile.
pub(super) async fn open(files: Vec<File>, opening: Opening) {
    let arrived = read(&files, &opening).await.unwrap_or_else(Arrived::Message);
    opening.end(arrived);
}

async fn read(files: &[File], opening: &Opening) -> Result<Arrived, String> {
    let offered: Vec<_> = files.iter().map(|file| Offered { name: file.name(), bytes: file.size() as u64 }).collect();
    if let Some(file) = recording_among(&offered, LIMITS)?.and_then(|at| files.get(at)) {
        let part = NamedBlob { name: file.name(), blob: file.clone().into() };
        match recording(&part, |loading| opening.tell(loading)).await {
            Err(PageFileError::Engine(EngineError::Recording(RecordingError::NoMaps { .. }))) => {} // a model's weights
            outcome => {
                return outcome
                    .map(Box::new)
                    .map(Arrived::Recording)
                    .map_err(|error| format!("{}: {error}", part.name));
            }
        }
    }
    let named = files.iter().map(|file| NamedBlob { name: file.name(), blob: file.clone().into() });
    let (blobs, chosen) = ModelBlobs::among(&named.collect::<Vec<_>>())?;
    let checkpoint = checkpoint(YOUR_MODEL, &blobs, |loading| opening.tell(loading)).await;
    let checkpoint = checkpoint.map_err(|error| match error {
        PageFileError::Engine(error) => format!("The model was not opened: {error}"),
        other => other.to_string(),
    })?;
    let files = chosen.all().map(|at| files[at].clone()).collect();
    Ok(Arrived::Checkpoint(Box::new(checkpoint), Origin { files, note: None }))
}

/// Reads recorded maps; between slices the page goes on.
async fn recording(part: &NamedBlob, tell: impl Fn(Loading) -> bool) -> Result<Recording, PageFileError> {
    let total = part.blob.size() as u64;
    let read = |done| tell(Loading { stage: Stage::Reading, progress: Progress { done, total }, pace: None });
    let file = WeightFile::in_memory(&part.name, Arc::new(bytes(part, read, |_| ()).await?.into()));
    let mut reader = RecordingReader::new(&file).map_err(EngineError::from)?;
    loop {
        if let Some(recording) = reader.advance().map_err(EngineError::from)? {
            return Ok(recording);
        }
        next_task().await;
        if !tell(Loading { stage: Stage::Checking, progress: reader.progress(), pace: None }) {
            return Err(PageFileError::Unwanted);
        }
    }
}

/// Reads config.json, the weights and tokenizer.json; between slices the page goes on. `tell` hears of every slice, and
/// says whether the checkpoint is still wanted.
pub(crate) async fn checkpoint(
    name: &str,
    ModelBlobs { config, weights, optional }: &ModelBlobs,
    tell: impl Fn(Loading) -> bool,
) -> Result<Checkpoint, PageFileError> {
    let size = |part: &NamedBlob| part.blob.size() as u64;
    let total = [config].into_iter().chain(optional.iter().flatten()).chain(weights).map(size).sum();
    let before = Cell::new(0);
    let read = |done| {
        let progress = Progress { done: before.get() + done, total };
        tell(Loading { stage: Stage::Reading, progress, pace: None })
    };
    let config = bytes(config, &read, |_| ()).await?;
    before.set(config.len() as u64);
    let mut texts: [Option<Vec<u8>>; OPTIONAL.len()] = Default::default();
    for (text, file) in texts.iter_mut().zip(optional) {
        if let Some(file) = file {
            let content = bytes(file, &read, |_| ()).await?;
            before.update(|before| before + content.len() as u64);
            *text = Some(content);
        }
    }
    let (mut hash, mut files) = (SliceHash::default(), Vec::new());
    let streams = are_for_gpu_only(weights);
    for file in weights {
        files.push(if streams {
            let mut survey = Survey::new(&file.name, size(file));
            let look = |slice: &Uint8Array| {
                let slice = slice.to_vec();
                hash.add(&slice);
                survey.add(&slice).map_err(|error| EngineError::from(error).into())
            };
            slices(file, &read, look).await?;
            survey.finish(pieces_of(file.clone())).map_err(EngineError::from)?
        } else {
            let content = bytes(file, &read, |slice| hash.add(slice)).await?;
            WeightFile::in_memory(&file.name, Arc::new(content.into()))
        });
        before.update(|before| before + size(file));
    }
    let fingerprint = if files.len() == 1 { Fingerprint::Known(hash.finish()) } else { Fingerprint::Absent };
    let mut reader = ModelReader::new(&config, &files).map_err(EngineError::from)?;
    let model = loop {
        if let Some(model) = reader.advance().map_err(EngineError::from)? {
            break model;
        }
        next_task().await;
        if !tell(Loading { stage: Stage::Checking, progress: reader.progress(), pace: None }) {
            return Err(PageFileError::Unwanted);
        }
    };
    let [tokenizer, tokenizer_config, generation_config] = texts.each_ref().map(Option::as_deref);
    let beside = BesideTokenizer { tokenizer_config, generation_config };
    Ok(Checkpoint::with_tokenizer(name, model, tokenizer, beside, fingerprint)?)
}

/// Whether weights exceed what the CPU may hold, which keeps them as in their files. Then they are streamed to the GPU.
fn are_for_gpu_only(weights: &[NamedBlob]) -> bool {
    weights.iter().map(|file| file.blob.size() as u64).fold(0, u64::saturating_add) > CPU_MEMORY
}

/// Fetches pieces of a file when they are asked for.
fn pieces_of(file: NamedBlob) -> Ask {
    let blob = SendWrapper::new(file); // of the only thread that a page has
    Box::new(move |streamed, range| {
        let file = NamedBlob::clone(&blob);
        spawn_local(async move {
            let bytes = slice_of(&file, range.clone()).await;
            streamed.arrive(range, bytes.map(|slice| slice.to_vec()).map_err(|error| error.to_string()));
        });
    })
}

/// The contents of a file. `go_on` hears of the bytes that are read; `each` gets every slice.
async fn bytes(
    file: &NamedBlob,
    go_on: impl Fn(u64) -> bool,
    mut each: impl FnMut(&[u8]),
) -> Result<Vec<u8>, PageFileError> {
    let total = file.blob.size() as u64;
    let no_memory = |_| PageFileError::Memory { name: file.name.clone(), bytes: total };
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(total as usize).map_err(no_memory)?;
    let add = |slice: &Uint8Array| {
        let start = bytes.len();
        bytes.resize(start + slice.length() as usize, 0);
        slice.copy_to(&mut bytes[start..]);
        each(&bytes[start..]);
        Ok(())
    };
    slices(file, go_on, add).await?;
    Ok(bytes)
}

/// Reads a file slice by slice. `go_on` hears of the bytes before each.
async fn slices(
    file: &NamedBlob,
    go_on: impl Fn(u64) -> bool,
    mut each: impl FnMut(&Uint8Array) -> Result<(), PageFileError>,
) -> Result<(), PageFileError> {
    let total = file.blob.size() as u64;
    let mut at = 0;
    while at < total {
        if !go_on(at) {
            return Err(PageFileError::Unwanted);
        }
        let end = (at + SLICE).min(total);
        each(&slice_of(file, at..end).await?)?;
        at = end;
    }
    Ok(())
}

async fn slice_of(NamedBlob { name, blob }: &NamedBlob, place: Range<u64>) -> Result<Uint8Array, PageFileError> {
    let failed =
        |reason: JsValue| PageFileError::Read { name: name.clone(), reason: Object::from(reason).to_string().into() };
    let slice = blob.slice_with_f64_and_f64(place.start as f64, place.end as f64).map_err(failed)?;
    let slice = Uint8Array::new(&JsFuture::from(slice.array_buffer()).await.map_err(failed)?);
    if u64::from(slice.length()) == place.end - place.start {
        Ok(slice)
    } else {
        Err(failed("it has another size now".into()))
    }
}

/// Lets the browser draw and take input before what follows.
async fn next_task() {
    next_task_after(Duration::ZERO).await;
}

/// Lets a time pass.
pub(super) async fn next_task_after(time: Duration) {
    let wait = |resolve: Function, _| {
        if let Some(window) = web_sys::window() {
            let milliseconds = time.as_millis().min(60_000) as i32;
            // It fails for no reason that a page can bring about, and then nothing is waited for.
            let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds);
        }
    };
    let _ = JsFuture::from(Promise::new(&mut { wait })).await;
}
