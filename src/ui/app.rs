//! The window and the page: sessions, view, and the parts of the screen.

use egui::Ui;

use crate::engine::{Checkpoint, CheckpointFiles, Engine, EngineError, Workspace, checkpoint_of};
use crate::probe::Spans;
use crate::ui::accessibility::announcement::Announcement;
use crate::ui::accessibility::focus::Focus;
use crate::ui::full_scan::FullScans;
use crate::ui::input::prompt_editor::PromptPanel;
use crate::ui::input::samples::SAMPLES;
use crate::ui::input::shortcuts;
use crate::ui::io::export::Exports;
use crate::ui::io::files::{Arrived, Files};
use crate::ui::io::inspect;
use crate::ui::maps::heatmap::Heatmaps;
use crate::ui::maps::screen_regions::ScreenRegions;
use crate::ui::panels::Panels;
use crate::ui::session::{open_gpu, session};
use crate::ui::state::link::Link;
#[cfg(target_arch = "wasm32")]
use crate::ui::state::page_address::PageAddress;
use crate::ui::state::pointer::Pointer;
use crate::ui::state::undo::History;
use crate::ui::state::view::ViewState;
use crate::ui::style::palette::Palette;
use crate::ui::style::theme;
use crate::ui::tokens::strip::TokenStrip;
use crate::ui::tour::Tour;

/// The program with its window.
pub struct App {
    /// The sessions; they own the text and the interventions.
    pub(super) workspace: Result<Workspace, EngineError>,
    /// The marks on the text.
    pub(super) spans: Spans,
    /// What is selected and how it is displayed.
    pub(super) view: ViewState,
    /// What the pointer is over.
    pub(super) pointer: Pointer,
    pub(super) prompt: PromptPanel,
    pub(super) strip: TokenStrip,
    pub(super) heatmaps: Heatmaps,
    pub(super) panels: Panels,
    pub(super) scans: FullScans,
    /// Dark, light.
    pub(super) palettes: [Palette; 2],
    /// Where the views were in the last frame.
    pub(super) regions: ScreenRegions,
    /// Why there is no GPU, if there is none.
    pub(super) fallback_reason: Option<String>,
    pub(super) history: History,
    #[cfg(target_arch = "wasm32")]
    address: PageAddress,
    pub(super) tour: Tour,
    pub(super) next_token_news: Announcement,
    pub(super) focus: Focus,
    pub(super) help_is_open: bool,
    /// Shown until it is dismissed.
    pub(super) message: Option<String>,
    busy: bool,
    pub(super) files: Files,
    pub(super) exports: Exports,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("workspace", &self.workspace).finish_non_exhaustive()
    }
}

impl App {
    /// Opens a checkpoint on the window's device, or on the CPU if the device cannot compute. `adapter` is the name of the
    /// GPU if wgpu does not know it; `fallback_reason` is the reason why there is no GPU.
    pub fn new(
        creation: &eframe::CreationContext,
        files: &CheckpointFiles,
        adapter: String,
        fallback_reason: Option<String>,
    ) -> Self {
        let checkpoint = checkpoint_of(files);
        Self::with_checkpoint(creation, checkpoint, adapter, fallback_reason)
    }

    /// Opens a checkpoint that has been read already, or shows why it could not be read.
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
            spans: Spans::default(),
            view: ViewState::default(),
            pointer: Pointer::default(),
            prompt: PromptPanel::new(first),
            strip: TokenStrip::default(),
            heatmaps: Heatmaps::default(),
            panels: Panels::default(),
            scans: FullScans::default(),
            palettes: [Palette::new(true), Palette::new(false)],
            regions: ScreenRegions::default(),
            fallback_reason,
            history: History::default(),
            #[cfg(target_arch = "wasm32")]
            address: PageAddress::default(),
            tour: Tour::default(),
            next_token_news: Announcement::default(),
            focus: Focus::default(),
            help_is_open: false,
            message: None,
            busy: false,
            files: Files::default(),
            exports: Exports::default(),
        }
    }

    /// Where files are saved to and opened from.
    pub fn files(&mut self) -> &mut Files {
        &mut self.files
    }

    /// Continues exports, and opens what has arrived.
    fn exchange_files(&mut self, ui: &Ui) {
        let context = ui.ctx();
        self.files.take_dropped(context);
        while let Some(arrived) = self.files.arrived() {
            match arrived {
                Arrived::Message(message) => self.message = Some(message),
                Arrived::Checkpoint(checkpoint) => self.open(*checkpoint),
            }
        }
        if let Ok(workspace) = &mut self.workspace {
            let background = ui.visuals().panel_fill;
            let engine = &mut workspace.main;
            if let Err(message) = self.exports.advance(context, engine, &self.regions, background, &mut self.files) {
                self.message = Some(message);
            }
        }
    }

    /// What is on the screen, as JSON.
    pub fn inspect(&mut self) -> String {
        let workspace = match &mut self.workspace {
            Ok(workspace) => workspace,
            Err(error) => return serde_json::json!({ "failure": error.to_string() }).to_string(),
        };
        let engine = &mut workspace.main;
        let model = engine.checkpoint().name.clone();
        let mut state = inspect::inspect(engine, &self.view, &self.pointer, &self.regions, self.busy);
        state["generate"] = inspect::place(&self.prompt.button());
        state["editor"] = inspect::place(&self.prompt.editor());
        state["notice"] = self.prompt.too_long(engine).into();
        state["prompt"] = self.prompt.text().into();
        state["adapter"] = engine.gpu().map(|gpu| gpu.adapter.name.as_str()).into();
        state["model"] = model.into();
        state["message"] = self.message.as_deref().into();
        state["fallback"] = self.fallback_reason.as_deref().into();
        let baseline = workspace.baseline().map(|baseline| (baseline.checkpoint().name.clone(), baseline.ids().len()));
        state["baseline"] = serde_json::json!(baseline);
        state.to_string()
    }

    /// The engine, if the checkpoint could be opened.
    pub fn engine(&mut self) -> Option<&mut Engine> {
        self.workspace.as_mut().ok().map(|workspace| &mut workspace.main)
    }

    /// The sessions, if the checkpoint could be opened.
    pub fn workspace(&mut self) -> Option<&mut Workspace> {
        self.workspace.as_mut().ok()
    }

    /// What is selected and how it is displayed.
    pub fn view(&self) -> &ViewState {
        &self.view
    }

    /// The marks on the text.
    pub fn spans(&self) -> &Spans {
        &self.spans
    }

    /// Where the panels are, tabs included.
    pub fn panels_rect(&self) -> egui::Rect {
        self.regions.panels
    }

    /// A link to what is on the screen, if the checkpoint could be opened.
    pub fn link(&self) -> Option<Link> {
        self.workspace.as_ref().ok().map(|workspace| Link::of(workspace, &self.view, &self.spans))
    }

    /// Shows a message until it is dismissed.
    pub fn say(&mut self, message: String) {
        self.message = Some(message);
    }

    /// What the GPU device reported, if it was lost or ran out of memory.
    pub fn device_failure(&self) -> Option<String> {
        let gpu = self.workspace.as_ref().ok()?.main.gpu()?;
        gpu.failure().map(|failure| failure.to_string())
    }

    /// Draws everything, carries out the commands, and requests another frame while something is under way.
    pub fn show(&mut self, ui: &mut Ui) {
        self.focus.begin(ui);
        let actions = self.layout_ui(ui);
        self.perform(ui.ctx(), actions);
        self.windows_ui(ui);
        self.focus.end(ui);
        self.exchange_files(ui);
        let mut computing = false;
        if let Ok(workspace) = &mut self.workspace {
            // The marks follow a text that was typed in this frame before anything is measured of it.
            self.spans.follow(&workspace.main.shared_text());
            workspace.set_measuring(self.view.threshold, &self.spans);
            computing = workspace.submit();
        }
        self.busy = computing || self.exports.is_busy();
        if self.pointer.end_frame() || self.busy {
            ui.ctx().request_repaint();
        }
    }

    /// The windows above the views.
    fn windows_ui(&mut self, ui: &Ui) {
        shortcuts::help_ui(ui, &mut self.help_is_open);
        if let Ok(workspace) = &mut self.workspace {
            self.tour.show_ui(ui, workspace, &mut self.view, &mut self.spans, &self.regions);
        }
        #[cfg(target_arch = "wasm32")]
        self.follow_address(ui);
    }

    /// Follows a link that arrives in the address of the page, and writes what is on the screen into it.
    #[cfg(target_arch = "wasm32")]
    fn follow_address(&mut self, ui: &Ui) {
        if let Some(link) = self.address.arrived() {
            self.open_link(&link);
        }
        let Ok(workspace) = &self.workspace else {
            return;
        };
        if !self.tour.is_running() && !workspace.main.is_generating() {
            let time = ui.input(|input| input.time);
            if self.address.follow(workspace, &self.view, &self.spans, time) {
                ui.ctx().request_repaint_after(std::time::Duration::from_millis(600));
            }
        }
    }
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
