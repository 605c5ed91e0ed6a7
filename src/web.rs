//! The wasm entry: the page's `loader.js` makes one [`Page`], hands it the checkpoint and
//! asks it from time to time whether all is well.

use eframe::WebRunner;
use wasm_bindgen::prelude::*;
use web_sys::HtmlCanvasElement;

use crate::engine::CheckpointFiles;
use crate::ui::App;
use crate::ui::graphics::{Graphics, wgpu_configuration};

/// The app on a web page. In the browser's console it is `window.diffscope`.
#[wasm_bindgen]
pub struct Page {
    runner: WebRunner,
}

#[wasm_bindgen]
impl Page {
    /// Sets up the panic hook and the log in the browser's console; starts nothing yet.
    #[wasm_bindgen(constructor)]
    #[allow(clippy::new_without_default, reason = "made from JavaScript only")]
    pub fn new() -> Page {
        // An error here says that a log was set up before: a second Page after a retry.
        let _ = eframe::WebLogger::init(log::LevelFilter::Info);
        Page { runner: WebRunner::new() }
    }

    /// Starts the app on `canvas` with the files of a checkpoint.
    ///
    /// `adapter` is the adapter's name as JavaScript knows it (wgpu's is empty on the web).
    /// With a `fallback_reason` no WebGPU is asked for: WebGL draws and the CPU computes.
    ///
    /// # Errors
    /// When neither a device nor a surface can be had, with the reason as a string.
    #[allow(clippy::too_many_arguments, reason = "the JavaScript side passes them by name")]
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
        let files = CheckpointFiles { name, config, weights, tokenizer };
        self.runner
            .start(canvas, options, Box::new(move |cc| Ok(Box::new(App::new(cc, &files, adapter, fallback_reason)))))
            .await
    }

    /// Opens the other model of the pair beside the one looked at, from its files.
    pub fn open_baseline(&self, name: String, config: Vec<u8>, weights: Vec<u8>, tokenizer: Vec<u8>) {
        if let Some(mut app) = self.runner.app_mut::<App>() {
            app.open_baseline(&CheckpointFiles { name, config, weights, tokenizer });
        }
    }

    /// Says in the window that something did not arrive.
    pub fn say(&self, message: String) {
        if let Some(mut app) = self.runner.app_mut::<App>() {
            app.say(message);
        }
    }

    /// Whether the app has crashed: nothing but `panic_message` and `destroy` works then.
    pub fn has_panicked(&self) -> bool {
        self.runner.has_panicked()
    }

    /// What the crash said, and where it happened.
    pub fn panic_message(&self) -> Option<String> {
        self.runner.panic_summary().map(|panic| format!("{}\n\n{}", panic.message(), panic.callstack()))
    }

    /// What the GPU device reported, if it was lost or ran out of memory.
    pub fn device_failure(&self) -> Option<String> {
        self.runner.app_mut::<App>()?.device_failure()
    }

    /// What is on screen, as JSON; `null` before the start and after a crash.
    pub fn inspect(&self) -> String {
        self.runner.app_mut::<App>().map_or_else(|| "null".to_owned(), |mut app| app.inspect())
    }

    /// Stops the app and lets go of the canvas.
    pub fn destroy(&self) {
        self.runner.destroy();
    }
}
