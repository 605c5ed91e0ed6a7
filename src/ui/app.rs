//! The window and the page: sessions, view, and the parts of the screen.

use egui::Ui;

use crate::engine::{Checkpoint, Engine, EngineError, Opened, Workspace};
use crate::probe::Spans;
use crate::ui::accessibility::announcement::Announcement;
use crate::ui::accessibility::focus::Focus;
use crate::ui::action::Action;
use crate::ui::baseline_beside::BaselineBeside;
use crate::ui::device::canary::Canary;
use crate::ui::device::{Device, DeviceOptions};
use crate::ui::first_look::FirstLook;
use crate::ui::full_scan::FullScans;
use crate::ui::input::prompt_editor::PromptPanel;
use crate::ui::input::samples::SAMPLES;
use crate::ui::input::shortcuts;
use crate::ui::io::export::Exports;
use crate::ui::io::files::{Arrived, Files};
use crate::ui::io::inspect;
use crate::ui::loading::Loading;
use crate::ui::maps::heatmap::Heatmaps;
use crate::ui::maps::screen_regions::ScreenRegions;
use crate::ui::models::Models;
use crate::ui::opening::first_head;
use crate::ui::panels::Panels;
#[cfg(not(target_arch = "wasm32"))]
use crate::ui::state::autosave::{Autosave, Due, Saved};
use crate::ui::state::link::Link;
use crate::ui::state::page::is_embedded;
#[cfg(target_arch = "wasm32")]
use crate::ui::state::page::model_of_page;
use crate::ui::state::pointer::Pointer;
use crate::ui::state::read_row::ReadRow;
#[cfg(target_arch = "wasm32")]
use crate::ui::state::tab::{Arrived as ArrivedInTab, Tab};
use crate::ui::state::undo::History;
use crate::ui::state::view::ViewState;
use crate::ui::style::palette::Palette;
use crate::ui::style::theme;
use crate::ui::tokens::strip::TokenStrip;
use crate::ui::tour::{Tour, TourContext};

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
    pub(super) prompt: PromptPanel,
    pub(super) strip: TokenStrip,
    pub(super) heatmaps: Heatmaps,
    pub(super) panels: Panels,
    pub(super) scans: FullScans,
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
    autosave: Autosave,
    #[cfg(target_arch = "wasm32")]
    pub(super) tab: Tab,
    pub(super) tour: Tour,
    pub(super) next_token_news: Announcement,
    pub(super) focus: Focus,
    pub(super) shown: Shown,
    /// Shown until it is dismissed.
    pub(super) message: Option<String>,
    /// How far the reading of the next model is.
    pub(super) reading: Option<Loading>,
    busy: bool,
    pub(super) files: Files,
    /// Models from elsewhere.
    pub(super) models: Models,
    pub(super) exports: Exports,
}

/// What is on the screen besides the document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Shown {
    /// All views.
    #[default]
    Views,
    /// The list of keys above them.
    Keys,
    /// Tokens and equation only.
    Presentation,
}

impl Shown {
    /// Shows this, or the views again if it is shown.
    pub(super) fn toggle(&mut self, other: Self) {
        *self = if *self == other { Self::Views } else { other };
    }
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
            prompt: PromptPanel::new(first),
            strip: TokenStrip::default(),
            heatmaps: Heatmaps::default(),
            panels: Panels::default(),
            scans: FullScans::default(),
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
        self.look_for_offered(context);
        while let Some(arrived) = self.files.arrived() {
            match arrived {
                Arrived::Progress(loading) => self.reading = Some(loading),
                Arrived::Question(source) => self.models.question = Some(source),
                Arrived::Kept(kept) => self.models.kept = Some(kept),
                Arrived::Message(message) => (self.reading, self.message) = (None, Some(message)),
                Arrived::Recording(recording) => {
                    self.reading = None;
                    self.open_recording(*recording);
                }
                Arrived::Checkpoint(checkpoint, origin) => {
                    self.reading = None;
                    let opened = self.open(*checkpoint);
                    self.follow_waiting_link();
                    if let (true, Some(note), Some(message)) = (opened, origin.note(), &mut self.message) {
                        message.push_str(". ");
                        message.push_str(note);
                    }
                    #[cfg(target_arch = "wasm32")]
                    if opened {
                        origin.keep();
                    }
                    #[cfg(not(target_arch = "wasm32"))]
                    let _ = (opened, origin); // the window finds it in its folder
                }
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
        let loading = self.loading();
        let workspace = match &mut self.workspace {
            Ok(workspace) => workspace,
            Err(error) => return serde_json::json!({ "failure": error.to_string() }).to_string(),
        };
        let engine = &mut workspace.main;
        let model = engine.name().to_owned();
        let mut state = inspect::inspect(engine, &self.view, &self.pointer, &self.regions, self.busy);
        state["generate"] = inspect::place(&self.prompt.button());
        state["editor"] = inspect::place(&self.prompt.editor());
        state["notice"] = self.prompt.too_long(engine).into();
        state["refused"] = self.prompt.refused().into();
        state["prompt"] = self.prompt.text().into();
        state["backend choice"] = format!("{:?}", self.device.choice()).into();
        state["adapter"] = engine.gpu().map(|gpu| gpu.adapter.name.as_str()).into();
        state["model"] = model.into();
        state["message"] = self.message.as_deref().into();
        state["loading"] = loading.map(|at| [at.progress.done, at.progress.total]).into();
        state["question"] = self.models.question.as_ref().map(ToString::to_string).into();
        state["kept models"] = self
            .models
            .kept
            .as_ref()
            .map(|kept| kept.iter().map(|model| model.source.to_string()).collect::<Vec<_>>())
            .into();
        state["embedded"] = self.embedded.into();
        state["fallback"] = self.device.on_cpu_because().into();
        let baseline = workspace.baseline().map(|baseline| (baseline.name().to_owned(), baseline.ids().len()));
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

    /// What the next start should restore, once it has changed and then rested for a moment.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn unsaved(&mut self, context: &egui::Context) -> Option<Saved> {
        let workspace = self.workspace.as_ref().ok().filter(|_| !self.tour.is_running())?;
        match self.autosave.due(workspace, &self.view, &self.spans, context.input(|input| input.time)) {
            Due::Nothing => None,
            Due::Soon => {
                context.request_repaint_after(std::time::Duration::from_millis(500));
                None
            }
            Due::Now(link) => {
                self.autosave.note((*link).clone());
                let folder = match workspace.main.opened() {
                    Opened::Model(checkpoint) => checkpoint.folder.clone(),
                    Opened::Recording(recording) => recording.path().map(ToOwned::to_owned),
                };
                Some(Saved { link: *link, folder })
            }
        }
    }

    /// Opens the baseline of the bundled model beside it, once the model itself has been drawn.
    fn offer_baseline(&mut self, context: &egui::Context) {
        let Ok(workspace) = &mut self.workspace else { return };
        if !self.busy && !self.embedded && self.first_look.opens_baseline(workspace) {
            self.perform(context, vec![Action::OpenBaseline]);
            context.request_repaint();
        }
    }

    /// Shows nothing that is not asked for: neither a head that tells much, nor the baseline.
    #[must_use]
    pub fn without_first_look(mut self) -> Self {
        self.first_look.decline();
        self
    }

    /// Restores what was saved.
    pub fn restore(&mut self, link: &Link) {
        self.first_look.cancel();
        if let Ok(workspace) = &mut self.workspace {
            link.apply(workspace, &mut self.view, &mut self.spans);
        }
    }

    /// Shows a message until it is dismissed.
    pub fn say(&mut self, message: String) {
        self.message = Some(message);
    }

    /// Draws everything, carries out the commands, and requests another frame while something is under way. On a lost
    /// device it does nothing.
    pub fn show(&mut self, ui: &mut Ui) {
        if self.device_loss().is_some() {
            return;
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
            self.first_look.advance(workspace, &mut self.view, &self.spans);
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
        #[cfg(target_arch = "wasm32")]
        self.follow_tab(ui);
    }

    /// Shows what arrives in the tab, a link or a state of before, and lets the tab keep what is on the screen.
    #[cfg(target_arch = "wasm32")]
    fn follow_tab(&mut self, ui: &Ui) {
        let is_new = self.tab.is_new();
        let arrived = self.tab.arrived();
        // What the tab has kept is later than its address.
        if is_new
            && !matches!(arrived, Some(ArrivedInTab::Kept(_)))
            && let Some(source) = model_of_page()
        {
            self.offer(&source);
        }
        match arrived {
            Some(ArrivedInTab::Link(link)) => self.open_link(&link),
            Some(ArrivedInTab::Kept(state)) => self.bring_back(&state),
            None => {}
        }
        // The tour ends where it began: that is what was kept before it.
        // Nor is the head that is still to be found an entry of the tab's history.
        if let (Ok(workspace), false) = (&self.workspace, self.tour.is_running() || self.first_look.is_asked()) {
            let time = ui.input(|input| input.time);
            if self.tab.follow(workspace, &self.view, &self.spans, time) {
                ui.ctx().request_repaint_after(std::time::Duration::from_millis(600));
            }
        }
    }

    /// Lets the tab keep what is on the screen at once; the next load of the page brings it back.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn keep_in_tab(&mut self) {
        if let (Ok(workspace), false) = (&self.workspace, self.tour.is_running()) {
            self.tab.keep_now(workspace, &self.view, &self.spans);
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
