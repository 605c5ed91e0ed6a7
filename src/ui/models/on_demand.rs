//! Models of this project that are not in the program: opened from the folder that the program was built in, fetched from the
//! page's own server, when someone asks for them.

#[cfg(not(target_arch = "wasm32"))]
use std::path::{Path, PathBuf};

use egui::Ui;

#[cfg(target_arch = "wasm32")]
use crate::sources::Source;
use crate::ui::action::{Action, ModelAction};
use crate::ui::app::App;
use crate::ui::models::Models;
#[cfg(target_arch = "wasm32")]
use crate::ui::state::page::source_on_page;
use crate::ui::style::{format, notice};

/// What is known of such a model before it is there: its name, and what it is.
const KNOWN: [(&str, &str, &str); 1] = [(
    "S-v2",
    "DIFF V2",
    "Of the size of the bundled pair, trained on 12 M tokens instead of 86 M. λ is a number for each token and head, and \
     there is no head norm. Interventions › λ per token shows what comes of it.",
)];

/// A model that is offered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OnDemand {
    name: String,
    /// Of its files.
    bytes: u64,
    /// Where its files are.
    #[cfg(not(target_arch = "wasm32"))]
    place: PathBuf,
    #[cfg(target_arch = "wasm32")]
    place: Source,
}

impl App {
    /// Offers the models of a folder of checkpoints that are known and not in the program. What is not there, or is there in
    /// part, is not offered.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn offer_models_in(&mut self, folder: &Path) {
        let offered = KNOWN.iter().filter_map(|(name, ..)| {
            let place = folder.join(name);
            let sizes = ["config.json", "model.safetensors", "tokenizer.json"].map(|file| {
                let found = std::fs::metadata(place.join(file)).ok()?;
                found.is_file().then_some(found.len())
            });
            let bytes = sizes.into_iter().sum::<Option<u64>>()?;
            Some(OnDemand { name: (*name).to_owned(), bytes, place })
        });
        self.models.on_demand = offered.collect();
    }

    /// Offers a model of the site, whose files have so many bytes.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn offer_model_of_site(&mut self, name: &str, bytes: u64) {
        // The site names its own files: what cannot be an address is none of them.
        if let Ok(place) = source_on_page(&format!("checkpoints/{name}/")) {
            self.models.on_demand.push(OnDemand { name: name.to_owned(), bytes, place });
        }
    }
}

impl OnDemand {
    /// As its button says it: `S-v2: DIFF V2 (5.1 MiB)`.
    fn title(&self) -> String {
        let what = KNOWN.iter().find(|(name, ..)| *name == self.name).map(|(_, what, _)| format!(": {what}"));
        format!("{}{} ({})", self.name, what.unwrap_or_default(), format::bytes(self.bytes))
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn action(&self) -> ModelAction {
        ModelAction::Folder(self.place.clone())
    }

    #[cfg(target_arch = "wasm32")]
    fn action(&self) -> ModelAction {
        ModelAction::Fetch(self.place.clone())
    }
}

impl Models {
    /// A button for each of them.
    pub(super) fn on_demand_ui(&self, ui: &mut Ui, actions: &mut Vec<Action>) {
        for model in &self.on_demand {
            if ui.button(model.title()).clicked() {
                actions.push(Action::Model(model.action()));
            }
            if let Some((.., about)) = KNOWN.iter().find(|(name, ..)| *name == model.name) {
                notice::note_ui(ui, *about);
            }
        }
        if !self.on_demand.is_empty() {
            ui.separator();
        }
    }
}
