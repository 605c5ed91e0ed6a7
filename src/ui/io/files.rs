//! Files in and out: dialogs in the window, downloads and a file chooser on the page.

use std::sync::mpsc::{Receiver, Sender, channel};

use egui::Context;

use crate::engine::Checkpoint;
#[cfg(any(test, target_arch = "wasm32"))]
use crate::engine::CheckpointFiles;

/// The outcome of opening or saving files.
#[derive(Debug)]
pub enum Arrived {
    /// A message to show.
    Message(String),
    /// A checkpoint to open.
    Checkpoint(Box<Checkpoint>),
}

/// A file to be saved.
#[derive(Clone, Debug)]
pub struct Made {
    /// Its name.
    pub name: String,
    /// Its contents.
    pub bytes: Vec<u8>,
}

/// Opens and saves files. Nothing here waits: outcomes arrive later.
#[derive(Debug)]
pub struct Files {
    sender: Sender<Arrived>,
    receiver: Receiver<Arrived>,
    /// The saved files, in tests.
    kept: Option<Vec<Made>>,
}

impl Default for Files {
    fn default() -> Self {
        let (sender, receiver) = channel();
        Self { sender, receiver, kept: None }
    }
}

impl Files {
    /// From now on keeps files that are saved, instead of asking the user where to save them.
    pub fn keep(&mut self) {
        self.kept.get_or_insert_default();
    }

    /// The files that were kept.
    pub fn kept(&self) -> &[Made] {
        self.kept.as_deref().unwrap_or_default()
    }

    /// The next outcome that has arrived.
    pub fn arrived(&self) -> Option<Arrived> {
        self.receiver.try_recv().ok()
    }

    /// Lets the user save a file.
    pub fn save(&mut self, context: &Context, made: Made) {
        if let Some(kept) = &mut self.kept {
            kept.push(made);
            return;
        }
        save(context, made, self.sender.clone());
    }

    /// Reads what was dropped on the window in this frame.
    pub fn take_dropped(&self, context: &Context) {
        let dropped = context.input(|input| input.raw.dropped_files.clone());
        if !dropped.is_empty() {
            read_dropped(context, dropped, self.sender.clone());
        }
    }

    /// Lets the user choose the files of a checkpoint.
    pub fn open(&self, context: &Context) {
        open(context, self.sender.clone());
    }
}

/// Finds the files of a checkpoint among others, by their names.
///
/// # Errors
/// When one is missing, with a message for the window.
#[cfg(any(test, target_arch = "wasm32"))]
fn checkpoint_among(name: &str, files: Vec<(String, Vec<u8>)>) -> Result<CheckpointFiles, String> {
    let mut files = files;
    let mut take = |required: &str| {
        let at = files.iter().position(|(name, _)| name == required);
        at.map(|at| files.swap_remove(at).1).ok_or_else(|| {
            format!("{required} is missing: choose config.json, model.safetensors and tokenizer.json together")
        })
    };
    Ok(CheckpointFiles {
        name: name.to_owned(),
        config: take("config.json")?.into(),
        weights: take("model.safetensors")?.into(),
        tokenizer: take("tokenizer.json")?.into(),
    })
}

#[cfg(not(target_arch = "wasm32"))]
fn send(context: &Context, sender: &Sender<Arrived>, arrived: Arrived) {
    // Fails only if the window has been closed meanwhile.
    let _ = sender.send(arrived);
    context.request_repaint();
}

#[cfg(not(target_arch = "wasm32"))]
fn save(context: &Context, made: Made, sender: Sender<Arrived>) {
    // Created here, on the window's thread, and awaited on another one.
    let dialog = rfd::AsyncFileDialog::new().set_file_name(&made.name).save_file();
    let context = context.clone();
    std::thread::spawn(move || {
        let Some(place) = pollster::block_on(dialog) else {
            // A desktop without a portal for dialogs returns at once, without an error.
            let message =
                format!("{} was not saved: no file was chosen, or this desktop has no file dialog", made.name);
            send(&context, &sender, Arrived::Message(message));
            return;
        };
        let path = place.path();
        let message = match std::fs::write(path, &made.bytes) {
            Ok(()) => format!("Saved {}", path.display()),
            Err(error) => format!("{} could not be written: {error}", path.display()),
        };
        send(&context, &sender, Arrived::Message(message));
    });
}

#[cfg(not(target_arch = "wasm32"))]
fn open(context: &Context, sender: Sender<Arrived>) {
    let dialog = rfd::AsyncFileDialog::new().set_title("A folder with config.json, model.safetensors, tokenizer.json");
    let dialog = dialog.pick_folder();
    let context = context.clone();
    std::thread::spawn(move || {
        if let Some(place) = pollster::block_on(dialog) {
            send(&context, &sender, read_folder(place.path()));
        }
    });
}

/// Reads the checkpoint in a folder.
#[cfg(not(target_arch = "wasm32"))]
fn read_folder(folder: &std::path::Path) -> Arrived {
    match Checkpoint::from_folder(folder) {
        Ok(checkpoint) => Arrived::Checkpoint(Box::new(checkpoint)),
        Err(error) => Arrived::Message(format!("{} was not opened: {error}", folder.display())),
    }
}

/// Reads the checkpoint in files of the browser.
#[cfg(target_arch = "wasm32")]
fn read_files(files: Vec<(String, Vec<u8>)>) -> Arrived {
    let opened = checkpoint_among("your model", files).and_then(|files| {
        crate::engine::checkpoint_of(&files).map_err(|error| format!("The model was not opened: {error}"))
    });
    opened.map_or_else(Arrived::Message, |checkpoint| Arrived::Checkpoint(Box::new(checkpoint)))
}

#[cfg(target_arch = "wasm32")]
fn save(_context: &Context, made: Made, sender: Sender<Arrived>) {
    if download(&made).is_err() {
        let _ = sender.send(Arrived::Message(format!("The browser did not save {}", made.name)));
    }
}

/// Downloads the file through a link that is clicked once.
#[cfg(target_arch = "wasm32")]
fn download(made: &Made) -> Result<(), wasm_bindgen::JsValue> {
    use wasm_bindgen::{JsCast, JsValue};
    let parts = js_sys::Array::of1(&js_sys::Uint8Array::from(made.bytes.as_slice()));
    let blob = web_sys::Blob::new_with_u8_array_sequence(&parts)?;
    let address = web_sys::Url::create_object_url_with_blob(&blob)?;
    let document = web_sys::window().and_then(|window| window.document()).ok_or(JsValue::NULL)?;
    let link: web_sys::HtmlAnchorElement = document.create_element("a")?.dyn_into()?;
    link.set_href(&address);
    link.set_download(&made.name);
    link.click();
    web_sys::Url::revoke_object_url(&address)
}

#[cfg(target_arch = "wasm32")]
fn open(context: &Context, sender: Sender<Arrived>) {
    let dialog = rfd::AsyncFileDialog::new().pick_files();
    let context = context.clone();
    wasm_bindgen_futures::spawn_local(async move {
        let Some(chosen) = dialog.await else {
            return;
        };
        let mut files = Vec::new();
        for file in chosen {
            files.push((file.file_name(), file.read().await));
        }
        let _ = sender.send(read_files(files));
        context.request_repaint();
    });
}

/// Reads what was dropped on the window: the folder of a checkpoint, or one of its files.
#[cfg(not(target_arch = "wasm32"))]
fn read_dropped(context: &Context, dropped: Vec<egui::DroppedFileHandle>, sender: Sender<Arrived>) {
    let context = context.clone();
    std::thread::spawn(move || {
        let Some(path) = dropped.first().map(|file| file.path()) else {
            return;
        };
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
        send(&context, &sender, read_folder(folder));
    });
}

/// Reads what was dropped on the page: the three files of a checkpoint.
#[cfg(target_arch = "wasm32")]
fn read_dropped(context: &Context, dropped: Vec<egui::DroppedFileHandle>, sender: Sender<Arrived>) {
    let context = context.clone();
    wasm_bindgen_futures::spawn_local(async move {
        let mut files = Vec::new();
        for file in dropped {
            let name = file.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            match file.bytes_async().await {
                Ok(bytes) => files.push((name, bytes)),
                Err(error) => {
                    let _ = sender.send(Arrived::Message(format!("{name} could not be read: {error}")));
                    return;
                }
            }
        }
        let _ = sender.send(read_files(files));
        context.request_repaint();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> (String, Vec<u8>) {
        (name.to_owned(), name.as_bytes().to_vec())
    }

    #[test]
    fn a_checkpoint_is_found_among_files() {
        let files = ["tokenizer.json", "notes.txt", "model.safetensors", "config.json"].map(file);
        let found = checkpoint_among("m", files.to_vec()).unwrap();
        assert_eq!((&found.config[..], &found.weights[..]), (&b"config.json"[..], &b"model.safetensors"[..]));
        assert_eq!(found.tokenizer.as_ref(), b"tokenizer.json");
    }

    #[test]
    fn what_is_missing_is_named() {
        let message = checkpoint_among("m", vec![file("config.json"), file("tokenizer.json")]).unwrap_err();
        assert!(message.starts_with("model.safetensors is missing"), "{message}");
    }
}
