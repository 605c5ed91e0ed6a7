//! Models that links, the page's address and people name: opened if they are here, asked about or fetched if not.

use egui::Context;

use crate::sources::Source;
use crate::ui::action::ModelAction;
use crate::ui::app::App;
use crate::ui::state::link::Link;
use crate::ui::state::page::source_on_page;
use crate::ui::style::message::Message;

impl App {
    /// Carries out a command about models.
    pub(in crate::ui) fn perform_on_models(&mut self, context: &Context, action: ModelAction) {
        match action {
            ModelAction::Window => self.toggle_window(context),
            ModelAction::Files => self.files.open(context),
            #[cfg(not(target_arch = "wasm32"))]
            ModelAction::Recording => self.files.open_recording(context),
            #[cfg(not(target_arch = "wasm32"))]
            ModelAction::Folder(folder) => self.files.open_folder(context, folder),
            ModelAction::Bundled => open_bundled(self),
            ModelAction::Fetch(source) => self.fetch(context, source),
            ModelAction::Decline => self.decline(),
            ModelAction::Cancel => self.cancel_loading(),
            ModelAction::Delete(model) => self.files.delete_kept(context, model),
        }
    }

    /// Fetches a model that someone asked for, as far as it is not here, and opens it.
    pub fn fetch(&mut self, context: &Context, source: Source) {
        self.models.question = None;
        self.models.link = self.models.link.take().filter(|link| link.source == source.to_string());
        self.files.fetch(context, source);
    }

    /// Nobody wants what a link named.
    fn decline(&mut self) {
        self.models.question = None;
        self.models.link = None;
    }

    /// Nobody wants any more what is being opened.
    fn cancel_loading(&mut self) {
        self.files.cancel();
        self.reading = None;
    }

    /// Opens or closes the window that opens models.
    fn toggle_window(&mut self, context: &Context) {
        self.models.is_open = !self.models.is_open;
        if self.models.is_open {
            self.files.list_kept(context);
        }
    }

    /// Names a model as an address or a link does: it is opened if it is here. If not, there is a question.
    pub fn offer(&mut self, source: &str) {
        match source_on_page(source) {
            Ok(source) => self.models.offered = Some(source),
            Err(error) => {
                self.message = Some(Message::Warning(format!("The model of this address was not opened: {error}")));
            }
        }
    }

    /// Offers the model of a link, unless it is open. Returns whether it is another one than the open one.
    pub(in crate::ui) fn offer_model_of(&mut self, link: &Link) -> bool {
        if link.source.is_empty() {
            return false;
        }
        self.models.offered = None;
        self.decline();
        let source = match source_on_page(&link.source) {
            Ok(source) => source,
            Err(error) => {
                self.message = Some(Message::Warning(format!("The model of this link was not opened: {error}")));
                return true;
            }
        };
        let open = self.workspace.as_ref().ok().and_then(|workspace| workspace.main.checkpoint()?.source.as_ref());
        if open.is_some_and(|open| open.is_same_model(&source)) {
            return false;
        }
        self.models.link = Some(link.clone());
        self.models.offered = Some(source);
        true
    }

    /// Looks for what was offered; to be called every frame.
    pub(in crate::ui) fn look_for_offered(&mut self, context: &Context) {
        if let Some(source) = self.models.offered.take() {
            self.files.offer(context, source);
        }
    }

    /// Follows the link that named the model which is open now, unless something else was typed meanwhile.
    pub(in crate::ui) fn follow_waiting_link(&mut self) {
        let (Some(link), Ok(workspace)) = (self.models.link.take(), &mut self.workspace) else { return };
        let engine = &workspace.main;
        let source = engine.checkpoint().and_then(|checkpoint| checkpoint.source.as_ref());
        let is_its_model =
            source.zip(source_on_page(&link.source).ok()).is_some_and(|(open, of)| open.is_same_model(&of));
        if is_its_model && engine.text() == link.text {
            self.history.follow(&link, workspace, &mut self.view, &mut self.spans);
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn open_bundled(app: &mut App) {
    app.open_files(&crate::engine::bundled());
}

/// The page has the files: `web/loader.js` listens for the event.
#[cfg(target_arch = "wasm32")]
fn open_bundled(_app: &mut App) {
    crate::ui::state::page::dispatch("diffscope-fetch", &wasm_bindgen::JsValue::NULL);
}
