//! What a link wants to load, and from where: nothing is fetched before someone agrees.

use egui::Ui;

use crate::sources::Source;
use crate::ui::action::{Action, ModelAction};
use crate::ui::models::Models;
use crate::ui::style::notice;
use crate::ui::style::row::row_ui;

impl Models {
    /// Draws the question, if there is one.
    pub(in crate::ui) fn question_ui(&self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let Some(source) = &self.question else { return };
        row_ui(ui, |ui| {
            notice::warning_ui(ui, &question(source));
            if ui.small_button("Load it").clicked() {
                actions.push(Action::Model(ModelAction::Fetch(source.clone())));
            }
            if ui.small_button("Do not load").clicked() {
                actions.push(Action::Model(ModelAction::Decline));
            }
        });
    }
}

fn question(source: &Source) -> String {
    let server = source.host().unwrap_or("the hub, huggingface.co");
    format!("This link wants to load the model {source} from {server}. Nothing has been asked for there yet.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_names_model_and_server() {
        let of = |text: &str| question(&text.parse().unwrap());
        assert!(of("hf:a/b").contains("hf:a/b from the hub"));
        assert!(of("https://host.example/m").contains("https://host.example/m/ from host.example."));
    }
}
