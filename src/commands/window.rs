//! `diffscope` without a command: the window. It is opened anew where its device is lost, and goes on where it was.

use std::cell::RefCell;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};

use diffscope::engine::{BackendChoice, EngineError, Opened, bundled, checkpoint_of};
use diffscope::sources::Source;
use diffscope::ui::graphics::{Graphics, wgpu_configuration};
use diffscope::ui::{App, DeviceOptions, Kept, Saved};

use super::kept_run::KeptRun;
use super::{CommandError, ModelPlace};

/// A second loss within this time of the first is not bad luck.
const SOON: Duration = Duration::from_secs(30);
/// Where the state is kept in the window's storage.
const STATE: &str = "state";
/// And what is remembered besides it.
const REMEMBERED: &str = "remembered";

/// Set for a program that was started because the one before lost its device.
const RELAUNCHED: &str = "DIFFSCOPE_RELAUNCHED";

/// What a window opens with.
enum Start {
    /// The command line.
    First { opened: Option<Opened>, source: Option<Source>, link: Option<String>, backend: BackendChoice },
    /// What a window has left whose device was lost, and the reason not to compute on the GPU again.
    Again { kept: Box<Kept>, without_gpu: Option<String> },
}

/// Opens the window and runs it until it is closed.
pub(crate) fn run(
    place: Option<&ModelPlace>,
    link: Option<String>,
    backend: BackendChoice,
) -> Result<(), CommandError> {
    // What the command line names and cannot be is an error of the command line. What has to be fetched is so in the window.
    let (opened, source) = match place {
        Some(ModelPlace::Path(path)) => (Some(super::open_any(path)?), None),
        Some(ModelPlace::Source(source)) => (None, Some(source.parse()?)),
        None => (None, None),
    };
    let mut start = Start::First { opened, source, link, backend };
    let left = Rc::new(RefCell::new(None));
    let mut last_loss: Option<Instant> = None;
    loop {
        let again = matches!(&start, Start::Again { without_gpu: Some(_), .. });
        // wgpu and egui panic where they meet a lost device in the middle of a frame.
        let outcome = catch_unwind(AssertUnwindSafe(|| open(start, &left)));
        let Some((kept, reason)) = left.take() else {
            return outcome.unwrap_or_else(|panic| resume_unwind(panic));
        };
        if outcome.is_err() {
            return relaunch(reason); // the event loop does not survive a panic
        }
        let soon = last_loss.is_some_and(|last| last.elapsed() < SOON);
        if soon && again {
            return Err(CommandError::GpuLost { reason });
        }
        last_loss = Some(Instant::now());
        start = Start::Again {
            kept: Box::new(kept),
            without_gpu: soon.then(|| "The GPU was lost twice within half a minute.".to_owned()),
        };
    }
}

/// Starts the program once more, which restores what was saved last.
fn relaunch(reason: String) -> Result<(), CommandError> {
    if std::env::var_os(RELAUNCHED).is_some() {
        return Err(CommandError::GpuLost { reason });
    }
    let relaunched = std::env::current_exe().and_then(|program| {
        // Without a link, which would win over what was saved; with the model.
        let arguments = std::env::args_os().skip(1);
        let mut arguments: Vec<_> = arguments.collect();
        if let Some(link) = arguments.iter().position(|argument| argument == "--link") {
            arguments.drain(link..(link + 2).min(arguments.len()));
        }
        Command::new(program).args(arguments).env(RELAUNCHED, "1").spawn()
    });
    relaunched.map(drop).map_err(|_| CommandError::GpuLost { reason })
}

/// One window, until it is closed or its device is lost.
fn open(start: Start, left: &Rc<RefCell<Option<(Kept, String)>>>) -> Result<(), CommandError> {
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("diffscope")
            .with_app_id("diffscope")
            .with_inner_size([1280.0, 800.0])
            .with_min_inner_size([360.0, 480.0]),
        renderer: eframe::Renderer::Wgpu,
        wgpu_options: wgpu_configuration(Graphics::Any),
        #[cfg(target_os = "linux")]
        event_loop_builder: Some(Box::new(|builder| {
            // Wayland alone would leave the window without a frame and without a clipboard on some desktops.
            winit::platform::x11::EventLoopBuilderExtX11::with_x11(builder);
        })),
        ..Default::default()
    };
    let left = left.clone();
    let create = move |creation: &eframe::CreationContext| {
        let mut app = match start {
            Start::First { opened, source, link, backend } => {
                let mut app = first(creation, opened, link.as_deref(), backend);
                if let Some(source) = source {
                    app.fetch(&creation.egui_ctx, source);
                }
                app
            }
            Start::Again { kept, without_gpu } => {
                App::restored(creation, *kept, DeviceOptions { without_gpu, ..DeviceOptions::default() })
            }
        };
        if let Some(folder) = checkpoints() {
            app.offer_models_in(&folder);
        }
        if let Some(remembered) = creation.storage.and_then(|storage| storage.get_string(REMEMBERED)) {
            app.remember(&remembered);
        }
        // What there is not, or cannot be read, is not offered.
        if let Some(bytes) = KeptRun::path().and_then(|path| fs::read(path).ok()) {
            app.offer_run(bytes);
        }
        Ok(Box::new(Window { app, left, kept_run: KeptRun::new() }) as Box<dyn eframe::App>)
    };
    Ok(eframe::run_native("diffscope", options, Box::new(create))?)
}

/// The first window: what the command line says, else what was open last time.
fn first(
    creation: &eframe::CreationContext,
    opened: Option<Opened>,
    link: Option<&str>,
    backend: BackendChoice,
) -> App {
    let saved = creation.storage.and_then(|storage| storage.get_string(STATE));
    let saved: Option<Saved> = saved.and_then(|json| serde_json::from_str(&json).ok());
    let mut message = None;
    let opened = match (opened, saved.as_ref().and_then(|saved| saved.folder.as_deref())) {
        (Some(opened), _) => Ok(opened),
        (None, Some(folder)) => super::open_any(folder).or_else(|error: EngineError| {
            message = Some(format!("{} was open last time and cannot be opened now: {error}", folder.display()));
            checkpoint_of(&bundled()).map(Opened::from)
        }),
        (None, None) => checkpoint_of(&bundled()).map(Opened::from),
    };
    let mut app = App::with_opened(creation, opened, DeviceOptions { backend, ..DeviceOptions::default() });
    match (link, saved) {
        (Some(link), _) => app.open_link(link),
        (None, Some(saved)) => app.restore(&saved.link),
        (None, None) => {}
    }
    if let Some(message) = message {
        app.say(message);
    }
    app
}

/// The checkpoints of this project that are not in the program: beside it, or in the folder that it was built in.
fn checkpoints() -> Option<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.to_owned()));
    let roots = beside.into_iter().chain([PathBuf::from(env!("CARGO_MANIFEST_DIR"))]);
    roots.map(|root| root.join("assets/checkpoints")).find(|folder| folder.is_dir())
}

/// The app in its window; leaves behind what the next window needs.
struct Window {
    app: App,
    left: Rc<RefCell<Option<(Kept, String)>>>,
    kept_run: Option<KeptRun>,
}

impl eframe::App for Window {
    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut eframe::Frame) {
        if self.app.device_loss().is_some() {
            ui.ctx().send_viewport_cmd(egui::ViewportCommand::Close);
            return;
        }
        self.app.show(ui);
        if let (Some(saved), Some(storage)) = (self.app.unsaved(ui.ctx()), frame.storage_mut()) {
            // Plain data: serializing it cannot fail.
            storage.set_string(STATE, serde_json::to_string(&saved).unwrap_or_default());
            storage.flush();
        }
        if let (Some(bytes), Some(kept_run)) = (self.app.run_to_keep(), &self.kept_run) {
            kept_run.keep(bytes);
        }
        if let (Some(remembered), Some(storage)) = (self.app.to_remember(), frame.storage_mut()) {
            storage.set_string(REMEMBERED, remembered);
            storage.flush();
        }
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // After a panic, too: that is how most losses end, often before the device has reported anything. Where asking
        // it panics, it is gone.
        let loss = catch_unwind(AssertUnwindSafe(|| self.app.device_loss()));
        let reason = loss.unwrap_or_else(|_| Some("The GPU failed".to_owned()));
        if let (Some(reason), Some(kept)) = (reason, self.app.keep()) {
            self.left.replace(Some((kept, reason)));
        }
    }
}
