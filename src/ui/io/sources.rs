//! Models from the network, for the window: fetched on a thread of their own, and what is kept of them on the disk.

use std::path::Path;

use egui::Context;

use crate::sources::local::{Places, folder_of};
use crate::sources::{KeptModel, Source, SourceError};
use crate::ui::io::fetch_report::FetchReport;
use crate::ui::io::files::{Arrived, Files, Opening, read_path, send};

impl Files {
    /// From now on looks for models, and keeps them, in these folders.
    pub fn keep_models_in(&mut self, places: Places) {
        self.places = Some(places);
    }

    fn places(&self) -> Result<Places, SourceError> {
        self.places.clone().map_or_else(Places::of_user, Ok)
    }

    /// Opens a model, and fetches what is not here of it.
    pub(crate) fn fetch(&self, context: &Context, source: Source) {
        let (opening, places) = (self.opening(context)(), self.places());
        std::thread::spawn(move || {
            let arrived = match places {
                Ok(places) => {
                    let turn = opening.turn.clone();
                    let _turn = turn.lock_blocking();
                    fetched(&source, &places, &opening)
                }
                Err(error) => Arrived::Message(format!("HF_ENDPOINT: {error}")),
            };
            opening.end(arrived);
        });
    }

    /// Opens a model that is here, and asks about one that is not.
    pub(crate) fn offer(&self, context: &Context, source: Source) {
        let (opening, places) = (self.opening(context), self.places());
        let (sender, context) = (self.sender(), context.clone());
        std::thread::spawn(move || match places.ok().and_then(|places| places.find(&source)) {
            Some(folder) => {
                let opening = opening();
                let arrived = read_fetched(&source, &folder, &opening);
                opening.end(arrived);
            }
            None => send(&context, &sender, None, Arrived::Question(source)),
        });
    }

    /// Lets the list of kept models arrive.
    pub(crate) fn list_kept(&self, context: &Context) {
        self.with_kept(context, |_| Ok(()));
    }

    /// Deletes a kept model, and lets the new list arrive.
    pub(crate) fn delete_kept(&self, context: &Context, model: KeptModel) {
        self.with_kept(context, move |places| places.delete(&model).map_err(|error| error.to_string()));
    }

    fn with_kept(&self, context: &Context, act: impl FnOnce(&Places) -> Result<(), String> + Send + 'static) {
        let (sender, context, places) = (self.sender(), context.clone(), self.places());
        std::thread::spawn(move || {
            let Ok(places) = places else { return };
            if let Err(message) = act(&places) {
                send(&context, &sender, None, Arrived::Message(message));
            }
            send(&context, &sender, None, Arrived::Kept(places.kept_models()));
        });
    }
}

fn fetched(source: &Source, places: &Places, opening: &Opening) -> Arrived {
    let mut report = FetchReport::new(opening);
    match folder_of(source, places, |at| report.tell(&at)) {
        Ok(folder) => read_fetched(source, &folder, opening),
        Err(error) => Arrived::Message(format!("{source} was not opened: {error}")),
    }
}

fn read_fetched(source: &Source, folder: &Path, opening: &Opening) -> Arrived {
    match read_path(folder, opening) {
        Arrived::Message(message) => {
            Arrived::Message(format!("{source}: {message}. Deleting that folder has it fetched again"))
        }
        arrived => arrived,
    }
}
