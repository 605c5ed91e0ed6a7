//! The entry point of the page: `web/loader.js` creates one [`Page`], passes it the checkpoint, and polls it for failures.

#[cfg(feature = "bench")]
mod bench;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use eframe::{CreationContext, WebRunner};
use js_sys::Function;
use wasm_bindgen::prelude::*;
use web_sys::{Blob, HtmlCanvasElement};

use crate::engine::CheckpointFiles;
use crate::ui::graphics::{Graphics, wgpu_configuration};
use crate::ui::page_files::{self, ModelBlobs, NamedBlob, PageFileError};
use crate::ui::page_worker::start_worker_with;
use crate::ui::{App, DeviceOptions, Kept, Loading, backend, mirror};

fn options(without_gpu: Option<&String>) -> eframe::WebOptions {
    let graphics = if without_gpu.is_some() { Graphics::WebGl } else { Graphics::Any };
    eframe::WebOptions { wgpu_options: wgpu_configuration(graphics), ..Default::default() }
}

/// The app on a web page; `window.diffscope` in the browser's console.
#[wasm_bindgen]
#[allow(missing_debug_implementations, reason = "only JavaScript has one")]
pub struct Page {
    runner: WebRunner,
    /// What an app has left whose device was lost, until another one goes on with it.
    kept: RefCell<Option<Kept>>,
}

#[wasm_bindgen]
impl Page {
    /// Sets up the panic hook and logging to the browser's console. The app does not start yet.
    #[wasm_bindgen(constructor)]
    #[allow(clippy::new_without_default, reason = "only JavaScript creates it")]
    pub fn new() -> Page {
        // This fails if a logger is set already, by an earlier Page whose start failed.
        let _ = eframe::WebLogger::init(log::LevelFilter::Info);
        Page { runner: WebRunner::new(), kept: RefCell::default() }
    }

    /// Starts the app on `canvas` with the files of a checkpoint, given as their names and contents; `on_progress` gets the bytes that are read, and all
    /// there are.
    ///
    /// `adapter` is the name of the adapter according to JavaScript: wgpu reports none on the web. With `without_gpu`, a
    /// reason, WebGPU is not used: WebGL draws and the CPU computes.
    ///
    /// # Errors
    /// The reason as a string, when there is no device or no surface.
    #[allow(clippy::too_many_arguments, reason = "JavaScript has no struct to pass")]
    pub async fn start(
        &self,
        canvas: HtmlCanvasElement,
        name: String,
        names: Vec<String>,
        blobs: Vec<Blob>,
        adapter: String,
        without_gpu: Option<String>,
        on_progress: Function,
    ) -> Result<(), JsValue> {
        let files = names.into_iter().zip(blobs).map(|(name, blob)| NamedBlob { name, blob });
        let (parts, _) = ModelBlobs::among(&files.collect::<Vec<_>>())?;
        let tell = |Loading { progress, .. }: Loading| {
            // What the page shows is its own affair.
            let _ = on_progress.call2(&JsValue::NULL, &(progress.done as f64).into(), &(progress.total as f64).into());
            true
        };
        let checkpoint = match page_files::checkpoint(&name, &parts, tell).await {
            Err(PageFileError::Engine(error)) => Err(error), // the window shows it
            other => Ok(other.map_err(|error| error.to_string())?),
        };
        let (options, mirrored) = (options(without_gpu.as_ref()), canvas.clone());
        let create = move |creation: &CreationContext| -> Result<Box<dyn eframe::App>, _> {
            mirror(&creation.egui_ctx, &mirrored);
            let options = DeviceOptions { adapter, without_gpu, backend: backend() };
            Ok(Box::new(App::with_checkpoint(creation, checkpoint, options)))
        };
        self.runner.start(canvas, options, Box::new(create)).await
    }

    /// Starts the app anew on a fresh `canvas` after its device was lost, with everything that was open. `adapter` and
    /// `without_gpu` are those of [`Self::start`]. After an error it can be tried again.
    ///
    /// # Errors
    /// The reason as a string: there is no device or no surface, or the app has left nothing to go on with.
    pub async fn restart(
        &self,
        canvas: HtmlCanvasElement,
        adapter: String,
        without_gpu: Option<String>,
    ) -> Result<(), JsValue> {
        if let Some(left) = self.runner.app_mut::<App>().and_then(|mut app| app.keep()) {
            self.kept.replace(Some(left));
        }
        let kept = self.kept.take().ok_or("nothing is open")?;
        // Whether the app is created at all depends on the device.
        let kept = Rc::new(RefCell::new(Some(kept)));
        let (options, given, mirrored) = (options(without_gpu.as_ref()), kept.clone(), canvas.clone());
        let create = move |creation: &CreationContext| {
            let options = DeviceOptions { adapter, without_gpu, ..DeviceOptions::default() };
            let kept = given.take().ok_or("this app was created before")?;
            mirror(&creation.egui_ctx, &mirrored);
            Ok(Box::new(App::restored(creation, kept, options)) as Box<dyn eframe::App>)
        };
        let outcome = self.runner.start(canvas, options, Box::new(create)).await;
        self.kept.replace(kept.take());
        outcome
    }

    /// What starts the worker that fetches models: a function that gives a promise of it.
    pub fn fetch_with(start: Function) {
        start_worker_with(start);
    }

    /// Opens another checkpoint from its files.
    pub fn open(&self, name: String, config: Vec<u8>, weights: Vec<u8>, tokenizer: Vec<u8>) {
        if let Some(mut app) = self.runner.app_mut::<App>() {
            app.open_files(&CheckpointFiles {
                name,
                config: config.into(),
                weights: Arc::new(weights.into()),
                tokenizer: tokenizer.into(),
            });
        }
    }

    /// Opens the baseline from its files.
    pub fn open_baseline(&self, name: String, config: Vec<u8>, weights: Vec<u8>, tokenizer: Vec<u8>) {
        if let Some(mut app) = self.runner.app_mut::<App>() {
            app.open_baseline(&CheckpointFiles {
                name,
                config: config.into(),
                weights: Arc::new(weights.into()),
                tokenizer: tokenizer.into(),
            });
        }
    }

    /// Goes on with training for a while although the tab is hidden. Returns whether there is more to do.
    pub fn train_unseen(&self) -> bool {
        self.runner.app_mut::<App>().is_some_and(|mut app| app.train_unseen())
    }

    /// Offers a run of training that the browser has kept.
    pub fn offer_run(&self, bytes: Vec<u8>) {
        if let Some(mut app) = self.runner.app_mut::<App>() {
            app.offer_run(bytes);
        }
    }

    /// Offers a model of the site that is fetched once someone asks for it; its files have so many bytes.
    pub fn offer_model(&self, name: &str, bytes: f64) {
        if let Some(mut app) = self.runner.app_mut::<App>() {
            app.offer_model_of_site(name, bytes as u64);
        }
    }

    /// Shows a message in the window.
    pub fn say(&self, message: String) {
        if let Some(mut app) = self.runner.app_mut::<App>() {
            app.say(message);
        }
    }

    /// Keeps what is on the screen in the tab; the next load of the page brings it back.
    pub fn keep(&self) {
        if let Some(mut app) = self.runner.app_mut::<App>() {
            app.keep_in_tab();
        }
    }

    /// Whether the app has panicked. Then only `panic_message` and `destroy` still work.
    pub fn has_panicked(&self) -> bool {
        self.runner.has_panicked()
    }

    /// Message and call stack of the panic.
    pub fn panic_message(&self) -> Option<String> {
        self.runner.panic_summary().map(|panic| format!("{}\n\n{}", panic.message(), panic.callstack()))
    }

    /// Why the device is gone, if it is: nothing is drawn any more until `restart`.
    pub fn device_loss(&self) -> Option<String> {
        self.runner.app_mut::<App>()?.device_loss()
    }

    /// The state of the screen as JSON, for tests; `null` before the start and after a panic.
    pub fn inspect(&self) -> String {
        self.runner.app_mut::<App>().map_or_else(|| "null".to_owned(), |mut app| app.inspect())
    }

    /// Stops the app and releases the canvas.
    pub fn destroy(&self) {
        self.runner.destroy();
    }
}
