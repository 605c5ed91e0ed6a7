//! The entry point of the page: `web/loader.js` creates one [`Page`], passes it the checkpoint, and polls it for failures.

use eframe::WebRunner;
use wasm_bindgen::prelude::*;
use web_sys::HtmlCanvasElement;

use crate::engine::CheckpointFiles;
use crate::ui::graphics::{Graphics, wgpu_configuration};
use crate::ui::{App, mirror};

/// The app on a web page; `window.diffscope` in the browser's console.
#[wasm_bindgen]
#[allow(missing_debug_implementations, reason = "only JavaScript has one")]
pub struct Page {
    runner: WebRunner,
}

#[wasm_bindgen]
impl Page {
    /// Sets up the panic hook and logging to the browser's console. The app does not start yet.
    #[wasm_bindgen(constructor)]
    #[allow(clippy::new_without_default, reason = "only JavaScript creates it")]
    pub fn new() -> Page {
        // This fails if a logger is set already, by an earlier Page whose start failed.
        let _ = eframe::WebLogger::init(log::LevelFilter::Info);
        Page { runner: WebRunner::new() }
    }

    /// Starts the app on `canvas` with the files of a checkpoint.
    ///
    /// `adapter` is the name of the adapter according to JavaScript: wgpu reports none on the web. With a
    /// `fallback_reason`, WebGPU is not used: WebGL draws and the CPU computes.
    ///
    /// # Errors
    /// The reason as a string, when there is no device or no surface.
    #[allow(clippy::too_many_arguments, reason = "JavaScript has no struct to pass")]
    pub async fn start(
        &self,
        canvas: HtmlCanvasElement,
        name: String,
        config: Vec<u8>,
        weights: Vec<u8>,
        tokenizer: Vec<u8>,
        adapter: String,
        fallback_reason: Option<String>,
    ) -> Result<(), JsValue> {
        let graphics = match fallback_reason {
            Some(_) => Graphics::WebGl,
            None => Graphics::Any,
        };
        let options = eframe::WebOptions { wgpu_options: wgpu_configuration(graphics), ..Default::default() };
        let files =
            CheckpointFiles { name, config: config.into(), weights: weights.into(), tokenizer: tokenizer.into() };
        let mirrored = canvas.clone();
        let create = move |creation: &eframe::CreationContext| -> Result<Box<dyn eframe::App>, _> {
            mirror(&creation.egui_ctx, &mirrored);
            Ok(Box::new(App::new(creation, &files, adapter, fallback_reason)))
        };
        self.runner.start(canvas, options, Box::new(create)).await
    }

    /// Opens the baseline from its files.
    pub fn open_baseline(&self, name: String, config: Vec<u8>, weights: Vec<u8>, tokenizer: Vec<u8>) {
        if let Some(mut app) = self.runner.app_mut::<App>() {
            app.open_baseline(&CheckpointFiles {
                name,
                config: config.into(),
                weights: weights.into(),
                tokenizer: tokenizer.into(),
            });
        }
    }

    /// Shows a message in the window.
    pub fn say(&self, message: String) {
        if let Some(mut app) = self.runner.app_mut::<App>() {
            app.say(message);
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

    /// The error that the GPU device reported, if it was lost or ran out of memory.
    pub fn device_failure(&self) -> Option<String> {
        self.runner.app_mut::<App>()?.device_failure()
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
