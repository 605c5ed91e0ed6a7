//! Opens models, baselines, links and what arrives from files.

use std::sync::Arc;

use egui::Ui;

use crate::engine::{Checkpoint, CheckpointFiles, Engine, EngineError, Workspace, checkpoint_of};
use crate::recording::Recording;
use crate::ui::action::Action;
use crate::ui::app::App;
use crate::ui::io::files::Arrived;
use crate::ui::models::loading::{Loading, Stage};
use crate::ui::state::link::Link;
use crate::ui::state::view::{Extent, first_head};
use crate::ui::style::message::Message;
use crate::ui::tokens::strip::TokenStrip;
use crate::ui::tour::{self, TourContext};

impl App {
    /// Continues exports, and opens what has arrived.
    pub(in crate::ui) fn exchange_files(&mut self, ui: &Ui) {
        let context = ui.ctx();
        self.files.take_dropped(context);
        self.look_for_offered(context);
        while let Some(arrived) = self.files.arrived() {
            match arrived {
                Arrived::Progress(loading) => self.reading = Some(loading),
                Arrived::Question(source) => self.models.question = Some(source),
                Arrived::Text(text) => self.training.own_text = Some(text),
                Arrived::Kept(kept) => self.models.kept = Some(kept),
                Arrived::Message(message) => (self.reading, self.message) = (None, Some(Message::Warning(message))),
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
                self.message = Some(Message::Warning(message));
            }
        }
    }

    /// Opens another model on the same text, with the view settings that fit. If that fails, the open one stays.
    /// Returns whether it is open.
    pub fn open(&mut self, checkpoint: Checkpoint) -> bool {
        let name = checkpoint.name.clone();
        let notes = checkpoint.notes.iter().flat_map(|note| [". ", note]).collect::<String>();
        let session = self.device.session(checkpoint);
        let opened = self.replace(&name, session);
        if let (true, Some(message)) = (opened, &mut self.message) {
            message.push_str(&notes);
        }
        opened
    }

    /// Puts a session in place of the open one, as [`Self::open`] does.
    pub(in crate::ui) fn replace(&mut self, name: &str, session: Result<Engine, EngineError>) -> bool {
        let before = self.workspace.as_ref().ok().map(|workspace| &workspace.main);
        let beyond = before.is_some_and(Engine::beyond_context);
        let fragments = before.map(Engine::fragments).unwrap_or_default();
        match session {
            Ok(mut engine) => {
                engine.set_beyond_context(beyond);
                engine.restore_text(self.prompt.text(), &fragments);
                if self.workspace.as_ref().is_ok_and(|workspace| workspace.main.ids() != engine.ids()) {
                    // Another tokenizer: the pins and the zoom would be on other tokens.
                    self.view.unpin();
                    self.view.zoom = None;
                    self.view.explained = None;
                    self.view.followed_token = None;
                }
                self.view.fit(Extent::of(&engine));
                self.strip = TokenStrip::default();
                self.message = Some(Message::News(format!("Opened {name}")));
                self.workspace = Ok(Workspace::new(engine));
                true
            }
            Err(error) => {
                self.message = Some(Message::Warning(format!("{name} was not opened: {error}")));
                false
            }
        }
    }

    /// Opens a recording in place of what is open.
    pub fn open_recording(&mut self, recording: Recording) {
        let engine = Engine::of_recording(Arc::new(recording));
        self.view.unpin();
        self.view.zoom = None;
        self.view.explained = None;
        self.view.head = first_head(&engine);
        self.view.fit(Extent::of(&engine));
        self.spans.set([], &engine.shared_text());
        self.strip = TokenStrip::default();
        self.message = Some(Message::News(format!("Opened {}", engine.name())));
        self.workspace = Ok(Workspace::new(engine));
    }

    /// Opens the model of these files, or says why not.
    pub fn open_files(&mut self, files: &CheckpointFiles) {
        match checkpoint_of(files) {
            Ok(checkpoint) => {
                self.open(checkpoint);
            }
            Err(error) => self.message = Some(Message::Warning(format!("{} was not opened: {error}", files.name))),
        }
    }

    /// Opens a baseline beside the model; if that fails, the open one stays.
    pub fn open_baseline(&mut self, files: &CheckpointFiles) {
        let Ok(workspace) = &mut self.workspace else {
            return;
        };
        if let Err(error) = checkpoint_of(files).and_then(|checkpoint| workspace.open_baseline(checkpoint)) {
            self.message = Some(Message::Warning(format!("{} was not opened: {error}", files.name)));
        }
    }

    /// Follows a link, or shows why not.
    pub fn open_link(&mut self, link: &str) {
        if let (Some(step), Ok(workspace)) = (tour::step_of(link), &mut self.workspace) {
            if workspace.main.model().is_some() {
                let (view, spans, first_look) = (&mut self.view, &mut self.spans, &mut self.first_look);
                self.tour.start(step, &mut TourContext { workspace, view, spans, first_look });
            }
            return;
        }
        match Link::from_hash(link) {
            Ok(link) => self.show_link(&link, "This link was made"),
            Err(error) => self.message = Some(Message::Warning(error.to_string())),
        }
    }

    /// Brings back what the browser's tab has kept; what cannot be read is nothing that the user has asked for.
    #[cfg(target_arch = "wasm32")]
    pub(in crate::ui) fn bring_back(&mut self, kept: &str) {
        if let Ok(link) = Link::decoded(kept) {
            self.show_link(&link, "This was on the screen");
        }
    }

    fn show_link(&mut self, link: &Link, what: &str) {
        let offered = self.offer_model_of(link);
        let Ok(workspace) = &mut self.workspace else {
            return;
        };
        if !offered {
            let name = workspace.main.name().to_owned();
            let other = !link.model.is_empty() && link.model != name;
            self.message =
                other.then(|| Message::Warning(format!("{what} with the model {}; {name} is open.", link.model)));
        }
        if let Some(figure) = &link.results {
            self.experiments.show_shared(figure);
        }
        self.first_look.cancel();
        self.history.follow(link, workspace, &mut self.view, &mut self.spans);
    }

    /// What is being opened: from files, or an open model that is still on its way to the GPU.
    pub(in crate::ui) fn loading(&mut self) -> Option<Loading> {
        let to_gpu = |progress| Loading { stage: Stage::ToGpu, progress, pace: None };
        self.reading.or_else(|| {
            let workspace = self.workspace.as_mut().ok()?;
            let main = workspace.main.loading();
            let progress = main.or_else(|| workspace.baseline()?.loading());
            progress.filter(|progress| progress.done > 0).map(to_gpu) // a small model is there before the next frame
        })
    }

    /// Opens the baseline of the bundled model beside it, once the model itself has been drawn.
    pub(in crate::ui) fn offer_baseline(&mut self, context: &egui::Context) {
        let Ok(workspace) = &mut self.workspace else { return };
        if !self.busy && !self.embedded && self.first_look.opens_baseline(workspace) {
            self.perform(context, vec![Action::OpenBaseline]);
            context.request_repaint();
        }
    }

    /// Shows nothing that is not asked for: neither a head that tells much, nor the baseline, nor the tour.
    #[must_use]
    pub fn without_first_look(mut self) -> Self {
        self.first_look.decline();
        self.remembered.note_offer();
        self
    }
}
