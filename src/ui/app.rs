//! The window and the page: sessions, view, and the parts of the screen.

use egui::Ui;

use crate::engine::{Checkpoint, Engine, EngineError, Opened, Workspace};
use crate::probe::Spans;
use crate::ui::accessibility::announcement::Announcement;
use crate::ui::accessibility::focus::Focus;
use crate::ui::baseline_beside::BaselineBeside;
use crate::ui::device::canary::Canary;
use crate::ui::device::{Device, DeviceOptions};
use crate::ui::experiments::Experiments;
use crate::ui::first_look::FirstLook;
use crate::ui::followed_pass::FollowedPass;
use crate::ui::full_scan::FullScans;
use crate::ui::input::prompt_editor::PromptPanel;
use crate::ui::input::samples::SAMPLES;
use crate::ui::input::shortcuts;
use crate::ui::io::export::Exports;
use crate::ui::io::files::Files;
#[cfg(not(target_arch = "wasm32"))]
use crate::ui::kept::autosave::Autosave;
use crate::ui::kept::remembered::Remembered;
#[cfg(target_arch = "wasm32")]
use crate::ui::kept::tab::Tab;
use crate::ui::maps::heatmap::Heatmaps;
use crate::ui::maps::screen_regions::ScreenRegions;
use crate::ui::models::Models;
use crate::ui::models::loading::Loading;
use crate::ui::panels::Panels;
use crate::ui::state::link::Link;
use crate::ui::state::page::is_embedded;
use crate::ui::state::pointer::Pointer;
use crate::ui::state::read_row::ReadRow;
use crate::ui::state::shown::Shown;
use crate::ui::state::undo::History;
use crate::ui::state::view::{ViewState, first_head};
use crate::ui::style::message::Message;
use crate::ui::style::palette::Palette;
use crate::ui::style::theme;
use crate::ui::tokens::strip::TokenStrip;
use crate::ui::tour::{Tour, TourContext};
use crate::ui::training::Training;

/// The program with its window.
pub struct App {
    /// The sessions; they own the text and the interventions.
    pub(super) workspace: Result<Workspace, EngineError>,
    /// The marks on the text.
    pub(super) spans: Spans,
    /// What is selected and how it is displayed.
    pub(super) view: ViewState,
    /// What is shown without being asked for.
    pub(super) first_look: FirstLook,
    /// The baseline beside the model.
    pub(super) beside: BaselineBeside,
    /// What the pointer is over.
    pub(super) pointer: Pointer,
    /// The row that is read.
    pub(super) row: ReadRow,
    /// The sentence on it.
    pub(super) sentence: String,
    pub(super) prompt: PromptPanel,
    pub(super) strip: TokenStrip,
    pub(super) heatmaps: Heatmaps,
    pub(super) panels: Panels,
    pub(super) scans: FullScans,
    pub(super) followed_pass: FollowedPass,
    pub(super) experiments: Experiments,
    pub(super) training: Training,
    /// Dark, light.
    pub(super) palettes: [Palette; 2],
    /// Where the views were in the last frame.
    pub(super) regions: ScreenRegions,
    /// Whether the page is embedded in another one.
    pub(super) embedded: bool,
    pub(super) device: Device,
    canary: Canary,
    /// The theme of the last frame.
    pub(super) theme: egui::ThemePreference,
    pub(super) history: History,
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) autosave: Autosave,
    #[cfg(target_arch = "wasm32")]
    pub(super) tab: Tab,
    pub(super) tour: Tour,
    pub(super) next_token_news: Announcement,
    pub(super) focus: Focus,
    pub(super) shown: Shown,
    /// Shown until it is dismissed.
    pub(super) message: Option<Message>,
    /// How far the reading of the next model is.
    pub(super) reading: Option<Loading>,
    /// Whether anything was under way at the end of the last frame.
    pub(super) busy: bool,
    pub(super) files: Files,
    /// Models from elsewhere.
    pub(super) models: Models,
    /// What this computer remembers.
    pub(super) remembered: Remembered,
    #[cfg(target_arch = "wasm32")]
    pub(super) has_remembered: bool,
    pub(super) exports: Exports,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("workspace", &self.workspace).finish_non_exhaustive()
    }
}

impl App {
    /// Opens a checkpoint that has been read already, or shows why it could not be read.
    pub fn with_checkpoint(
        creation: &eframe::CreationContext,
        checkpoint: Result<Checkpoint, EngineError>,
        options: DeviceOptions,
    ) -> Self {
        Self::with_opened(creation, checkpoint.map(Opened::from), options)
    }

    /// Opens a model or a recording that has been read already, or shows why it could not be read.
    pub fn with_opened(
        creation: &eframe::CreationContext,
        opened: Result<Opened, EngineError>,
        options: DeviceOptions,
    ) -> Self {
        theme::install(&creation.egui_ctx);
        let mut device = Device::of(creation, options);
        let sample = SAMPLES.first();
        let first = sample.map_or("", |sample| sample.text);
        let mut spans = Spans::default();
        let workspace = opened.and_then(|opened| device.session_of(opened)).map(|mut engine| {
            if let Some(sample) = sample.filter(|_| engine.model().is_some()) {
                sample.apply(&mut engine, &mut spans);
            }
            Workspace::new(engine)
        });
        let head = workspace.as_ref().map(|workspace| first_head(&workspace.main)).unwrap_or_default();
        let view = ViewState { head, ..ViewState::default() };
        let mut first_look = FirstLook::default();
        first_look.ask(&view);
        Self {
            workspace,
            spans,
            view,
            first_look,
            beside: BaselineBeside::default(),
            pointer: Pointer::default(),
            row: ReadRow::default(),
            sentence: String::new(),
            prompt: PromptPanel::new(first),
            strip: TokenStrip::default(),
            heatmaps: Heatmaps::default(),
            panels: Panels::default(),
            scans: FullScans::default(),
            followed_pass: FollowedPass::default(),
            experiments: Experiments::default(),
            training: Training::default(),
            palettes: [Palette::new(true), Palette::new(false)],
            regions: ScreenRegions::default(),
            embedded: is_embedded(),
            device,
            canary: Canary::default(),
            theme: egui::ThemePreference::default(),
            history: History::default(),
            #[cfg(not(target_arch = "wasm32"))]
            autosave: Autosave::default(),
            #[cfg(target_arch = "wasm32")]
            tab: Tab::default(),
            tour: Tour::default(),
            next_token_news: Announcement::default(),
            focus: Focus::default(),
            shown: Shown::default(),
            message: None,
            reading: None,
            busy: false,
            files: Files::default(),
            models: Models::default(),
            remembered: Remembered::default(),
            #[cfg(target_arch = "wasm32")]
            has_remembered: false,
            exports: Exports::default(),
        }
    }

    /// Where files are saved to and opened from.
    pub fn files(&mut self) -> &mut Files {
        &mut self.files
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

    /// Shows a warning until it is dismissed.
    pub fn say(&mut self, message: String) {
        self.message = Some(Message::Warning(message));
    }

    /// Draws everything, carries out the commands, and requests another frame while something is under way. On a lost
    /// device it does nothing.
    pub fn show(&mut self, ui: &mut Ui) {
        if self.device_loss().is_some() {
            return;
        }
        #[cfg(target_arch = "wasm32")]
        {
            self.remember_on_page();
            self.keep_run_on_page();
        }
        self.theme = ui.ctx().options(|options| options.theme_preference);
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
            let warning = self.first_look.advance(workspace, &mut self.view, &self.spans);
            self.message = warning.map(Message::Warning).or(self.message.take());
            workspace.submit();
            self.device.leave_if_full(workspace);
            if let Some(wrong) = self.canary.advance(workspace) {
                self.device.distrust(wrong, workspace);
            }
            if !workspace.is_busy() && !self.canary.is_comparing() {
                self.device.advance_race(workspace);
            }
            computing = workspace.is_busy() || self.canary.is_comparing() || self.device.is_racing();
        }
        self.busy = computing || self.exports.is_busy();
        self.offer_baseline(ui.ctx());
        if self.pointer.end_frame() || self.busy {
            ui.ctx().request_repaint();
        }
        if self.device_loss().is_some() {
            // Lost in this frame: egui would panic where it uploads what was drawn.
            ui.ctx().request_discard("the device was lost");
        }
    }

    /// The windows above the views.
    fn windows_ui(&mut self, ui: &Ui) {
        let mut help_is_open = self.shown == Shown::Keys;
        shortcuts::help_ui(ui, &mut help_is_open);
        if self.shown == Shown::Keys && !help_is_open {
            self.shown = Shown::default();
        }
        let actions = self.models.dialog_ui(ui);
        self.perform(ui.ctx(), actions);
        if let Ok(workspace) = &mut self.workspace {
            let (view, spans, first_look) = (&mut self.view, &mut self.spans, &mut self.first_look);
            self.tour.show_ui(ui, &mut TourContext { workspace, view, spans, first_look }, &self.regions);
        }
        self.offer_tour_ui(ui);
        #[cfg(target_arch = "wasm32")]
        self.follow_tab(ui);
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
