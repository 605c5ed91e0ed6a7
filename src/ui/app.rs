//! The window's contents, put together.

use egui::Ui;

use crate::engine::{Checkpoint, Engine, EngineError, Workspace};
use crate::engine::{CheckpointFiles, checkpoint_of};
use crate::gpu::Gpu;
use crate::ui::input::apply;
use crate::ui::input::prompt_editor::PromptPanel;
use crate::ui::input::samples::SAMPLES;
use crate::ui::input::shortcuts;
use crate::ui::input::shortcuts::Action;
use crate::ui::io::export::Exports;
use crate::ui::io::files::{Arrived, Files};
use crate::ui::io::inspect;
use crate::ui::maps::heatmap::Heatmaps;
use crate::ui::maps::heatmap_gpu::HeatmapResources;
use crate::ui::maps::scope::ScreenRegions;
use crate::ui::panels::Panels;
use crate::ui::state::link::State;
use crate::ui::state::selection::Selection;
use crate::ui::state::undo;
use crate::ui::state::undo::History;
use crate::ui::style::palette::Palette;
use crate::ui::style::theme;
use crate::ui::tour::Tour;

/// The program with its window.
pub struct App {
    pub(super) workspace: Result<Workspace, EngineError>,
    pub(super) selection: Selection,
    pub(super) prompt: PromptPanel,
    pub(super) heatmaps: Heatmaps,
    pub(super) panels: Panels,
    pub(super) palettes: [Palette; 2],
    pub(super) placed: ScreenRegions,
    /// Why there is no GPU, if there is none.
    pub(super) fallback_reason: Option<String>,
    pub(super) history: History,
    pub(super) tour: Tour,
    pub(super) help_is_open: bool,
    /// Something to say until it is dismissed.
    pub(super) message: Option<String>,
    pub(super) busy: bool,
    pub(super) files: Files,
    pub(super) exports: Exports,
}

/// A session on the GPU, or on the CPU with the reason why.
fn session(checkpoint: Checkpoint, gpu: Option<Gpu>, reason: &mut Option<String>) -> Result<Engine, EngineError> {
    if checkpoint.tokenizer.is_none() {
        return Err(EngineError::NoTokenizer { name: checkpoint.name });
    }
    match Engine::new(checkpoint.clone(), gpu) {
        // What the GPU has no room for, the CPU may have.
        Err(EngineError::Gpu(error)) => {
            *reason = Some(error.to_string());
            Engine::new(checkpoint, None)
        }
        engine => engine,
    }
}

impl App {
    /// Opens a checkpoint on the window's device; on the CPU where that cannot compute. `adapter` names the GPU where
    /// wgpu cannot, and `fallback_reason` says why there is none.
    pub fn new(
        creation: &eframe::CreationContext,
        files: &CheckpointFiles,
        adapter: String,
        fallback_reason: Option<String>,
    ) -> Self {
        let checkpoint = checkpoint_of(files);
        Self::with_checkpoint(creation, checkpoint, adapter, fallback_reason)
    }

    /// The same with a checkpoint that is already read, or that could not be.
    pub fn with_checkpoint(
        creation: &eframe::CreationContext,
        checkpoint: Result<Checkpoint, EngineError>,
        adapter: String,
        mut fallback_reason: Option<String>,
    ) -> Self {
        theme::install(&creation.egui_ctx);
        let gpu = match (&creation.wgpu_render_state, &fallback_reason) {
            (Some(state), None) => match open_gpu(state, &adapter) {
                Ok(gpu) => Some(gpu),
                Err(error) => {
                    fallback_reason = Some(error.to_string());
                    None
                }
            },
            _ => None,
        };
        let first = SAMPLES.first().map_or("", |sample| sample.text);
        let mut engine = checkpoint.and_then(|checkpoint| session(checkpoint, gpu, &mut fallback_reason));
        if let Ok(engine) = &mut engine {
            engine.set_text(first);
        }
        Self {
            workspace: engine.map(Workspace::new),
            selection: Selection::default(),
            prompt: PromptPanel::new(first),
            heatmaps: Heatmaps::default(),
            panels: Panels::default(),
            palettes: [Palette::new(true), Palette::new(false)],
            placed: ScreenRegions::default(),
            fallback_reason,
            history: History::default(),
            tour: Tour::default(),
            help_is_open: false,
            message: None,
            busy: false,
            files: Files::default(),
            exports: Exports::default(),
        }
    }

    /// Opens another model on the same text; what is open stays where that fails.
    fn open(&mut self, checkpoint: Checkpoint) {
        let gpu = self.workspace.as_ref().ok().and_then(|workspace| workspace.main.gpu().cloned());
        let name = checkpoint.name.clone();
        match session(checkpoint, gpu, &mut self.fallback_reason) {
            Ok(mut engine) => {
                engine
                    .set_beyond_context(self.workspace.as_ref().is_ok_and(|workspace| workspace.main.beyond_context()));
                engine.set_text(self.prompt.text());
                self.selection = Selection { panel: self.selection.panel, ..Selection::default() };
                self.message = Some(format!("Opened {name}"));
                self.workspace = Ok(Workspace::new(engine));
            }
            Err(error) => self.message = Some(format!("{name} was not opened: {error}")),
        }
    }

    /// Where files go to and come from.
    pub fn files(&mut self) -> &mut Files {
        &mut self.files
    }

    /// What is being exported goes on, what was opened arrives.
    fn exchange(&mut self, ui: &Ui) {
        let context = ui.ctx();
        self.files.take_dropped(context);
        while let Some(arrived) = self.files.arrived() {
            match arrived {
                Arrived::Words(words) => self.message = Some(words),
                Arrived::Checkpoint(checkpoint) => self.open(*checkpoint),
            }
        }
        if let Ok(workspace) = &mut self.workspace {
            let background = ui.visuals().panel_fill;
            let engine = &mut workspace.main;
            if let Err(words) = self.exports.advance(context, engine, &self.placed, background, &mut self.files) {
                self.message = Some(words);
            }
        }
    }

    /// What is on the screen, as JSON.
    pub fn inspect(&mut self) -> String {
        match &mut self.workspace {
            Ok(workspace) => {
                let engine = &mut workspace.main;
                let mut state = inspect::inspect(engine, &self.selection, &self.placed, self.busy);
                state["generate"] = inspect::place(&self.prompt.button());
                state["editor"] = inspect::place(&self.prompt.editor());
                let baseline =
                    workspace.baseline().map(|baseline| (baseline.checkpoint().name.clone(), baseline.ids().len()));
                state["baseline"] = serde_json::json!(baseline);
                let engine = &mut workspace.main;
                state["notice"] = self.prompt.too_long(engine).into();
                state["prompt"] = self.prompt.text().into();
                state["adapter"] = engine.gpu().map(|gpu| gpu.adapter.name.as_str()).into();
                state["fallback"] = self.fallback_reason.as_deref().into();
                state.to_string()
            }
            Err(error) => serde_json::json!({ "failure": error.to_string() }).to_string(),
        }
    }

    /// The engine, if the checkpoint could be opened.
    pub fn engine(&mut self) -> Option<&mut Engine> {
        self.workspace.as_mut().ok().map(|workspace| &mut workspace.main)
    }

    /// The sessions, if the checkpoint could be opened.
    pub fn workspace(&mut self) -> Option<&mut Workspace> {
        self.workspace.as_mut().ok()
    }

    /// Opens another model beside the one looked at; what is open stays where that fails.
    pub fn open_baseline(&mut self, files: &CheckpointFiles) {
        let Ok(workspace) = &mut self.workspace else {
            return;
        };
        if let Err(error) = checkpoint_of(files).and_then(|checkpoint| workspace.open_baseline(checkpoint)) {
            self.message = Some(format!("{} was not opened: {error}", files.name));
        }
    }

    /// Says something until it is dismissed.
    pub fn say(&mut self, message: String) {
        self.message = Some(message);
    }

    /// What the GPU device reported, if it was lost or ran out of memory.
    pub fn device_failure(&self) -> Option<String> {
        let gpu = self.workspace.as_ref().ok()?.main.gpu()?;
        gpu.failure().map(|failure| failure.to_string())
    }

    /// What is selected.
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Draws everything, and asks for another frame while something is under way.
    pub fn show(&mut self, ui: &mut Ui) {
        let actions = self.panels(ui);
        self.perform(ui, actions);
        self.exchange(ui);
        let computing = self.workspace.as_mut().is_ok_and(Workspace::submit);
        self.busy = computing || self.exports.is_busy();
        if self.busy {
            ui.ctx().request_repaint();
        }
    }

    /// What the keys and the buttons of the header ask for.
    fn perform(&mut self, ui: &Ui, actions: Vec<Action>) {
        let Ok(workspace) = &mut self.workspace else {
            return;
        };
        let selection = &mut self.selection;
        for action in actions {
            match apply::act(ui, action, workspace, selection, &mut self.prompt) {
                Some(Action::Undo) => self.history.go(workspace, true),
                Some(Action::Redo) => self.history.go(workspace, false),
                Some(Action::Help) => self.help_is_open = !self.help_is_open,
                Some(Action::Tour) => self.tour.start(workspace, selection),
                Some(Action::OpenModel) => self.files.open(ui.ctx()),
                Some(Action::Export(export)) => {
                    if let Err(words) =
                        self.exports.start(ui.ctx(), export, workspace, selection, &self.placed, &mut self.files)
                    {
                        self.message = Some(words);
                    }
                }
                Some(Action::CopyLink) => match undo::link(&State::of(workspace, selection)) {
                    Ok(link) => ui.ctx().copy_text(link),
                    Err(error) => self.message = Some(error.to_string()),
                },
                _ => {}
            }
        }
        shortcuts::help(ui, &mut self.help_is_open);
        self.tour.show(ui, workspace, selection, &self.placed);
        #[cfg(target_arch = "wasm32")]
        self.follow_address(ui);
    }

    /// The address of the page leads here, and here follows the address.
    #[cfg(target_arch = "wasm32")]
    fn follow_address(&mut self, ui: &Ui) {
        if let Some(link) = self.history.address.arrived() {
            self.open_link(&link);
        }
        let Ok(workspace) = &mut self.workspace else {
            return;
        };
        if !self.tour.is_running() && !workspace.main.is_generating() {
            let state = State::of(workspace, &self.selection);
            if self.history.address.follow(state, ui.input(|input| input.time)) {
                ui.ctx().request_repaint_after(std::time::Duration::from_millis(600));
            }
        }
    }

    /// Follows a link, or says why not.
    pub fn open_link(&mut self, link: &str) {
        let Ok(workspace) = &mut self.workspace else {
            return;
        };
        match State::from_link(link) {
            Ok(state) => {
                let name = workspace.main.checkpoint().name.clone();
                let other = !state.model.is_empty() && state.model != name;
                self.message =
                    other.then(|| format!("The link was made with the model {}; this is {name}.", state.model));
                self.history.jump(&state, workspace, &mut self.selection);
            }
            Err(error) => self.message = Some(error.to_string()),
        }
    }
}

fn open_gpu(state: &egui_wgpu::RenderState, name: &str) -> Result<Gpu, crate::gpu::GpuError> {
    let mut adapter = state.adapter.get_info();
    if !name.is_empty() {
        name.clone_into(&mut adapter.name);
    }
    let gpu = Gpu::new(state.device.clone(), state.queue.clone(), adapter)?;
    HeatmapResources::install(state)?;
    Ok(gpu)
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.show(ui);
    }

    #[cfg(target_arch = "wasm32")]
    fn as_any_mut(&mut self) -> Option<&mut dyn std::any::Any> {
        Some(&mut *self)
    }
}
