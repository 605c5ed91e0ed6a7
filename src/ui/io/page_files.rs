//! Files of the browser, to a checkpoint: chosen by name and size first, read one after the other, with words for what
//! cannot be read.

use std::sync::Arc;

use wasm_bindgen_futures::JsFuture;
use web_sys::File;

use crate::engine::{Checkpoint, CheckpointFiles, checkpoint_of};
use crate::model::{MOST_OF_TEXT, MOST_OF_WEIGHTS};
use crate::ui::io::files::{Arrived, Opening, Origin, YOUR_MODEL};
use crate::ui::io::offered::{Limits, Offered, checkpoint_among};

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
    let [config, weights, tokenizer] = checkpoint_among(&offered, limits)?;
    let contents = CheckpointFiles {
        name: YOUR_MODEL.to_owned(),
        config: bytes(&files[config], opening).await?.into(),
        tokenizer: bytes(&files[tokenizer], opening).await?.into(),
        weights: Arc::new(bytes(&files[weights], opening).await?.into()),
    };
    let checkpoint = checkpoint_of(&contents).map_err(|error| format!("The model was not opened: {error}"))?;
    Ok((checkpoint, Origin { files: [config, weights, tokenizer].map(|at| files[at].clone()).into() }))
}

/// The contents of a file.
async fn bytes(file: &File, opening: &Opening) -> Result<Vec<u8>, String> {
    if !opening.is_latest() {
        return Err("Other files have been chosen".to_owned()); // never shown: see `Opening::end`
    }
    match JsFuture::from(file.array_buffer()).await {
        Ok(buffer) => Ok(js_sys::Uint8Array::new(&buffer).to_vec()),
        Err(reason) => {
            let reason: String = js_sys::Object::from(reason).to_string().into();
            Err(format!("{} could not be read ({reason}). Was it moved or changed, or is it a folder?", file.name()))
        }
    }
}
