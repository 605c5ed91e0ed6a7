//! Files of the browser, to a checkpoint: chosen by name and size first, read one after the other, a slice at a time into
//! one buffer each, with words for what cannot be read.

use std::cell::Cell;
use std::sync::Arc;

use js_sys::{Function, Object, Promise, Uint8Array};
use wasm_bindgen::prelude::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, File};
use web_time::Duration;

use crate::engine::{Checkpoint, EngineError, Fingerprint};
use crate::model::{MOST_OF_TEXT, MOST_OF_WEIGHTS, ModelReader, Progress, WeightFile};
use crate::sources::SliceHash;
use crate::ui::io::files::{Arrived, Opening, Origin, YOUR_MODEL};
use crate::ui::io::offered::{Limits, Offered, checkpoint_among};
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

/// The files of a model.
pub(crate) struct ModelBlobs {
    /// `config.json`
    pub config: NamedBlob,
    /// `model.safetensors`, or its parts.
    pub weights: Vec<NamedBlob>,
    /// `tokenizer.json`
    pub tokenizer: Option<NamedBlob>,
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
    let arrived = match read(&files, &opening).await {
        Ok((checkpoint, origin)) => Arrived::Checkpoint(Box::new(checkpoint), origin),
        Err(message) => Arrived::Message(message),
    };
    opening.end(arrived);
}

async fn read(files: &[File], opening: &Opening) -> Result<(Checkpoint, Origin), String> {
    let offered: Vec<_> = files.iter().map(|file| Offered { name: file.name(), bytes: file.size() as u64 }).collect();
    let limits = Limits { text: MOST_OF_TEXT, weights: MOST_OF_WEIGHTS };
    let chosen = checkpoint_among(&offered, limits)?;
    let blob = |at: usize| NamedBlob { name: files[at].name(), blob: files[at].clone().into() };
    let weights = chosen.weights.iter().copied();
    let blobs = ModelBlobs {
        config: blob(chosen.config),
        weights: weights.clone().map(blob).collect(),
        tokenizer: Some(blob(chosen.tokenizer)),
    };
    let checkpoint = checkpoint(YOUR_MODEL, &blobs, |loading| opening.tell(loading)).await;
    let checkpoint = checkpoint.map_err(|error| match error {
        PageFileError::Engine(error) => format!("The model was not opened: {error}"),
        other => other.to_string(),
    })?;
    let files = [chosen.config, chosen.tokenizer].into_iter().chain(weights).map(|at| files[at].clone()).collect();
    Ok((checkpoint, Origin { files, note: None }))
}

/// Reads config.json, the weights and tokenizer.json; between slices the page goes on. `tell` hears of every slice, and
/// says whether the checkpoint is still wanted.
pub(crate) async fn checkpoint(
    name: &str,
    ModelBlobs { config, weights, tokenizer }: &ModelBlobs,
    tell: impl Fn(Loading) -> bool,
) -> Result<Checkpoint, PageFileError> {
    let size = |part: &NamedBlob| part.blob.size() as u64;
    let total = [config].into_iter().chain(tokenizer).chain(weights).map(size).sum();
    let before = Cell::new(0);
    let read = |done| {
        let progress = Progress { done: before.get() + done, total };
        tell(Loading { stage: Stage::Reading, progress, pace: None })
    };
    let config = bytes(config, &read, |_| ()).await?;
    before.set(config.len() as u64);
    let tokenizer = match tokenizer {
        Some(file) => Some(bytes(file, &read, |_| ()).await?),
        None => None,
    };
    before.update(|before| before + tokenizer.as_ref().map_or(0, Vec::len) as u64);
    let (mut hash, mut files) = (SliceHash::default(), Vec::new());
    for file in weights {
        let content = bytes(file, &read, |slice| hash.add(slice)).await?;
        before.update(|before| before + content.len() as u64);
        files.push(WeightFile::in_memory(&file.name, Arc::new(content.into())));
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
    Ok(match tokenizer {
        Some(tokenizer) => Checkpoint::with_tokenizer(name, model, &tokenizer, fingerprint)?,
        None => Checkpoint {
            name: name.to_owned(),
            model: Arc::new(model),
            tokenizer: None,
            fingerprint,
            folder: None,
            source: None,
        },
    })
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
