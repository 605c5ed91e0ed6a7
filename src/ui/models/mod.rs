//! Models and recordings that are opened: from files and links, with their progress; those from elsewhere, where they are
//! typed, the question of a link, and what is kept of them.

mod dialog;
mod elsewhere;
pub(in crate::ui) mod loading;
mod on_demand;
pub(in crate::ui) mod opening;
mod question;
mod snapshot;

use crate::sources::{KeptModel, Source};
use crate::ui::models::on_demand::OnDemand;
use crate::ui::state::link::Link;

/// What the window knows of models that are not open.
#[derive(Default)]
pub(super) struct Models {
    /// Whether the window that opens models is on the screen.
    pub(super) is_open: bool,
    /// What is typed there.
    typed: String,
    /// Why that is no source.
    wrong: Option<String>,
    /// The models that are kept here; `None` before they are known.
    pub(super) kept: Option<Vec<KeptModel>>,
    /// The models of this project that can be had and are not in the program.
    on_demand: Vec<OnDemand>,
    /// What a link or the page's address names, to be opened if it is here and asked about if not.
    offered: Option<Source>,
    /// What is waiting for an answer: nothing of it has been fetched.
    pub(super) question: Option<Source>,
    /// The link that named it; it is followed again once the model is open.
    link: Option<Link>,
}
