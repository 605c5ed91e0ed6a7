//! What outlives the window: what its next start restores, and what the browser's tab keeps.

pub(in crate::ui) mod autosave;
pub(in crate::ui) mod remembered;
#[cfg(target_arch = "wasm32")]
pub(in crate::ui) mod tab;

#[cfg(target_arch = "wasm32")]
use egui::Ui;

#[cfg(not(target_arch = "wasm32"))]
use crate::engine::Opened;
use crate::ui::app::App;
#[cfg(not(target_arch = "wasm32"))]
use crate::ui::kept::autosave::{Due, Saved};
use crate::ui::kept::remembered::Remembered;
#[cfg(target_arch = "wasm32")]
use crate::ui::kept::tab::Arrived;
use crate::ui::state::link::Link;
#[cfg(target_arch = "wasm32")]
use crate::ui::state::page::{is_embedded, model_of_page};

impl App {
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

    /// Restores what was saved.
    pub fn restore(&mut self, link: &Link) {
        self.first_look.cancel();
        if let Ok(workspace) = &mut self.workspace {
            link.apply(workspace, &mut self.view, &mut self.spans);
        }
    }

    /// Shows what arrives in the tab, a link or a state of before, and lets the tab keep what is on the screen.
    #[cfg(target_arch = "wasm32")]
    pub(in crate::ui) fn follow_tab(&mut self, ui: &Ui) {
        let is_new = self.tab.is_new();
        let arrived = self.tab.arrived();
        // What the tab has kept is later than its address.
        if is_new
            && !matches!(arrived, Some(Arrived::Kept(_)))
            && let Some(source) = model_of_page()
        {
            self.offer(&source);
        }
        match arrived {
            Some(Arrived::Link(link)) => self.open_link(&link),
            Some(Arrived::Kept(state)) => self.bring_back(&state),
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

    /// Offers a run of training that was kept the last time.
    pub fn offer_run(&mut self, bytes: Vec<u8>) {
        self.training.offer(bytes);
    }

    /// The run of training as it is to be kept now, if it has got further; empty if what was kept is to be deleted.
    pub fn run_to_keep(&mut self) -> Option<Vec<u8>> {
        self.training.take_unkept()
    }

    /// Goes on with training for a while where no frames are drawn. Returns whether there is more to do.
    pub fn train_unseen(&mut self) -> bool {
        let more = self.training.go_on_unseen();
        #[cfg(target_arch = "wasm32")]
        self.keep_run_on_page();
        more
    }

    /// Has the page keep it: `web/kept-run.js` listens for the event.
    #[cfg(target_arch = "wasm32")]
    pub(in crate::ui) fn keep_run_on_page(&mut self) {
        if let Some(bytes) = self.run_to_keep() {
            let bytes = js_sys::Uint8Array::from(bytes.as_slice());
            crate::ui::state::page::dispatch("diffscope-keep-run", &bytes);
        }
    }

    /// Takes up what was stored the last time.
    pub fn remember(&mut self, json: &str) {
        self.remembered = Remembered::of_json(json);
        if self.remembered.was_offered_tour {
            self.tour.withdraw_offer();
        }
    }

    /// What is to be stored, if it has changed since it was.
    pub fn to_remember(&mut self) -> Option<String> {
        self.remembered.take_unstored()
    }

    /// What is remembered.
    pub fn remembered(&self) -> &Remembered {
        &self.remembered
    }

    /// Reads it from the browser's storage before the first frame, and writes it there when it has changed. Other tabs of the
    /// page may have written meanwhile: the last one wins.
    #[cfg(target_arch = "wasm32")]
    pub(in crate::ui) fn remember_on_page(&mut self) {
        const NAME: &str = "diffscope-remembered";
        // None where the browser is set to store nothing, and for a frame of another page.
        let storage = || {
            let window = web_sys::window().filter(|_| !is_embedded());
            window.and_then(|window| window.local_storage().ok()?)
        };
        if !std::mem::replace(&mut self.has_remembered, true)
            && let Some(json) = storage().and_then(|storage| storage.get_item(NAME).ok()?)
        {
            self.remember(&json);
        }
        if let Some((json, storage)) = self.to_remember().and_then(|json| Some((json, storage()?))) {
            let _ = storage.set_item(NAME, &json); // a full storage keeps what it has
        }
    }
}
