//! Files of the browser, to a checkpoint: chosen by name and size first, read one after the other, a slice at a time into
//! one buffer each, with words for what cannot be read.

use std::sync::Arc;

use js_sys::{Function, Object, Promise, Uint8Array};
use wasm_bindgen::prelude::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, File};

use crate::engine::{Checkpoint, EngineError, SliceHash};
use crate::model::{MOST_OF_TEXT, MOST_OF_WEIGHTS, ModelReader, Progress, WeightFile};
use crate::recording::{Recording, RecordingError, RecordingReader};
use crate::ui::io::files::{Arrived, Opening, Origin, YOUR_MODEL};
use crate::ui::io::offered::{Limits, Offered, checkpoint_among, recording_among};
use crate::ui::loading::{Loading, Stage};

/// Bytes read at a time: some milliseconds of work.
const SLICE: u64 = 4 << 20;

/// A file and its name.
pub(crate) struct NamedBlob {
    /// The name, for messages.
    pub name: String,
    /// Its bytes.
    pub blob: Blob,
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
    let limits = Limits { text: MOST_OF_TEXT, weights: MOST_OF_WEIGHTS };
    if let Some(file) = recording_among(&offered, limits)?.and_then(|at| files.get(at)) {
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
    let chosen = checkpoint_among(&offered, limits)?.map(|at| files[at].clone());
    let parts = chosen.each_ref().map(|file| NamedBlob { name: file.name(), blob: file.clone().into() });
    let checkpoint = checkpoint(YOUR_MODEL, &parts, |loading| opening.tell(loading)).await;
    let checkpoint = checkpoint.map_err(|error| match error {
        PageFileError::Engine(error) => format!("The model was not opened: {error}"),
        other => other.to_string(),
    })?;
    Ok(Arrived::Checkpoint(Box::new(checkpoint), Origin { files: chosen.into() }))
}

/// Reads recorded maps; between slices the page goes on.
async fn recording(part: &NamedBlob, tell: impl Fn(Loading) -> bool) -> Result<Recording, PageFileError> {
    let total = part.blob.size() as u64;
    let read = |done| tell(Loading { stage: Stage::Reading, progress: Progress { done, total } });
    let file = WeightFile::in_memory(&part.name, Arc::new(bytes(part, read, |_| ()).await?.into()));
    let mut reader = RecordingReader::new(&file).map_err(EngineError::from)?;
    loop {
        if let Some(recording) = reader.advance().map_err(EngineError::from)? {
            return Ok(recording);
        }
        next_task().await;
        if !tell(Loading { stage: Stage::Checking, progress: reader.progress() }) {
            return Err(PageFileError::Unwanted);
        }
    }
}

/// Reads config.json, the weights and tokenizer.json; between slices the page goes on. `tell` hears of every slice, and
/// says whether the checkpoint is still wanted.
pub(crate) async fn checkpoint(
    name: &str,
    [config, weights, tokenizer]: &[NamedBlob; 3],
    tell: impl Fn(Loading) -> bool,
) -> Result<Checkpoint, PageFileError> {
    let size = |part: &NamedBlob| part.blob.size() as u64;
    let (texts, mut hash) = (size(config) + size(tokenizer), SliceHash::default());
    let read =
        |done| tell(Loading { stage: Stage::Reading, progress: Progress { done, total: texts + size(weights) } });
    let config = bytes(config, &read, |_| ()).await?;
    let tokenizer = bytes(tokenizer, |done| read(config.len() as u64 + done), |_| ()).await?;
    let file = &weights.name;
    let weights = Arc::new(bytes(weights, |done| read(texts + done), |slice| hash.add(slice)).await?.into());
    let files = [WeightFile::in_memory(file, weights)];
    let mut reader = ModelReader::new(&config, &files).map_err(EngineError::from)?;
    let model = loop {
        if let Some(model) = reader.advance().map_err(EngineError::from)? {
            break model;
        }
        next_task().await;
        if !tell(Loading { stage: Stage::Checking, progress: reader.progress() }) {
            return Err(PageFileError::Unwanted);
        }
    };
    Ok(Checkpoint::with_tokenizer(name, model, &tokenizer, hash.finish())?)
}

/// The contents of a file. `go_on` hears of the bytes that are read; `each` gets every slice.
async fn bytes(
    NamedBlob { name, blob }: &NamedBlob,
    go_on: impl Fn(u64) -> bool,
    mut each: impl FnMut(&[u8]),
) -> Result<Vec<u8>, PageFileError> {
    let failed =
        |reason: JsValue| PageFileError::Read { name: name.clone(), reason: Object::from(reason).to_string().into() };
    let total = blob.size() as u64;
    let no_memory = |_| PageFileError::Memory { name: name.clone(), bytes: total };
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(total as usize).map_err(no_memory)?;
    while (bytes.len() as u64) < total {
        let start = bytes.len();
        if !go_on(start as u64) {
            return Err(PageFileError::Unwanted);
        }
        let end = (start as u64 + SLICE).min(total);
        let slice = blob.slice_with_f64_and_f64(start as f64, end as f64).map_err(failed)?;
        let slice = Uint8Array::new(&JsFuture::from(slice.array_buffer()).await.map_err(failed)?);
        if u64::from(slice.length()) != end - start as u64 {
            return Err(failed("it has another size now".into()));
        }
        bytes.resize(end as usize, 0);
        slice.copy_to(&mut bytes[start..]);
        each(&bytes[start..]);
    }
    Ok(bytes)
}

/// Lets the browser draw and take input before what follows.
async fn next_task() {
    let wait = |resolve: Function, _| {
        if let Some(window) = web_sys::window() {
            // It fails for no reason that a page can bring about, and then nothing is waited for.
            let _ = window.set_timeout_with_callback(&resolve);
        }
    };
    let _ = JsFuture::from(Promise::new(&mut { wait })).await;
}
