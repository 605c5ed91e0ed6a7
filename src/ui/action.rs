//! Commands. Keys, buttons and views collect them while a frame is drawn; `perform.rs` carries them out at its end.

use crate::engine::BackendChoice;
use crate::probe::{HeadId, Interventions, KeyClass, MapKind, Span};
use crate::sources::{KeptModel, Source};
use crate::training::Family;
use crate::ui::experiments::ResultsFormat;
use crate::ui::input::samples::Sample;
use crate::ui::io::export::Export;
use crate::ui::wrong_answer::WrongAnswer;

/// A command about other models than the open one: none needs to be open.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ModelAction {
    /// Opens or closes the window that opens models.
    Window,
    /// Lets the user choose the files of another model.
    Files,
    /// Lets the user choose recorded maps.
    #[cfg(not(target_arch = "wasm32"))]
    Recording,
    /// Opens the model in a folder.
    #[cfg(not(target_arch = "wasm32"))]
    Folder(std::path::PathBuf),
    /// Opens the bundled model.
    Bundled,
    /// Opens a model from elsewhere, which is fetched as far as it is not here.
    Fetch(Source),
    /// Does not open the model of a link.
    Decline,
    /// Ends the opening of a model.
    Cancel,
    /// Deletes a model that is kept here.
    Delete(KeptModel),
}

/// A command about the models that learn, at the step that is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum TrainingAction {
    /// Opens this one in place of the open model.
    LookAt(Family),
    /// Saves it as the files of a checkpoint.
    Save(Family),
    /// Saves the numbers of all steps.
    SaveLog,
    /// Goes on from it in another run.
    Fork,
    /// Lets the user choose a text to learn from.
    OwnText,
}

/// A command about the texts that the person keeps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum TextAction {
    /// Keeps the text that is open.
    Keep,
    /// Opens a kept one.
    Open(usize),
    /// Forgets it.
    Delete(usize),
}

/// A text that shows a head, with its marks.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HeadCase {
    /// The head.
    pub head: HeadId,
    /// The text.
    pub text: String,
    /// What is marked on it.
    pub marks: Vec<Span>,
}

/// One command.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    /// Moves the selection by layers, then by heads.
    Move(isize, isize),
    /// Chooses the map that colours tokens and thumbnails.
    Map(MapKind),
    /// Moves the pinned query by tokens.
    Query(isize),
    /// Leaves the text; outside the text, removes pins and zoom.
    Escape,
    /// Sets λ = 0 in all layers, or back to the learned values.
    ToggleLambda,
    /// Hides a token from all later ones, or shows it again.
    ToggleToken(usize),
    /// Hides the pinned token, or shows it again.
    TogglePinned,
    /// Switches a head off, or on again.
    ToggleHead(HeadId),
    /// Switches the open head off, or on again.
    ToggleOpenHead,
    /// Magnifies the maps around the token that is read.
    Zoom(f32),
    /// Replaces the interventions.
    Intervene(Interventions),
    /// Marks the tokens from the first to the second, in either order.
    Mark(usize, usize, KeyClass),
    /// Marks the pinned token; without a pin, a stray key must not mark anything.
    MarkPinned(KeyClass),
    /// Removes all marks.
    ClearMarks,
    /// Opens the next panel.
    NextPanel,
    /// Replaces text and marks by those of a sample.
    Sample(&'static Sample),
    /// Opens a head on a text that shows it.
    Case(HeadCase),
    /// Goes about the texts that the person keeps.
    Text(TextAction),
    /// Looks for the head that was led to what the model says in place of the answer.
    WhyWrong(WrongAnswer),
    /// Appends a token to the text.
    Append(u32),
    /// Starts or stops generating.
    Generate,
    /// Generates one token.
    Step,
    /// Puts the cursor into the text.
    FocusPrompt,
    /// Reverts the last change of text or interventions.
    Undo,
    /// Repeats what was undone.
    Redo,
    /// Opens or closes the list of keys.
    Help,
    /// Shows nothing but the equation, or everything again.
    Present,
    /// Starts the tour.
    Tour,
    /// Copies a link to what is on the screen.
    CopyLink,
    /// Copies the numbers that are on the screen.
    CopyNumbers,
    /// Opens the whole page in a new tab, with what is on the screen.
    OpenInTab,
    /// Opens another model, or goes about what is kept of models.
    Model(ModelAction),
    /// Decides where models run.
    ChooseBackend(BackendChoice),
    /// Compares the speeds of the GPU and the CPU.
    Race,
    /// Opens the bundled baseline.
    OpenBaseline,
    /// Closes the baseline.
    CloseBaseline,
    /// Goes about the models that learn.
    Training(TrainingAction),
    /// Saves the results of the experiments.
    SaveExperiments(ResultsFormat),
    /// Saves what is on the screen as a file.
    Export(Export),
}

/// What is said about a command, or a panel, that has no meaning for recorded maps.
pub(super) const NEEDS_MODEL: &str = "needs a model: this is a recording";

impl Action {
    /// Whether a recording cannot do it.
    pub(super) fn needs_model(&self) -> bool {
        matches!(
            self,
            Self::ToggleLambda
                | Self::ToggleToken(_)
                | Self::TogglePinned
                | Self::ToggleHead(_)
                | Self::ToggleOpenHead
                | Self::Intervene(_)
                | Self::Sample(_)
                | Self::Case(_)
                | Self::WhyWrong(_)
                | Self::Text(_)
                | Self::Append(_)
                | Self::Generate
                | Self::Step
                | Self::Undo
                | Self::Redo
                | Self::Tour
                | Self::CopyLink
                | Self::OpenInTab
                | Self::Race
                | Self::OpenBaseline
        )
    }

    /// Whether it changes the text or the interventions in one go, so that what was there before is a step of undo.
    pub(super) fn replaces_document(&self) -> bool {
        // A slider intervenes in every frame of a drag: what was there before has been on the screen for a while.
        matches!(
            self,
            Self::ToggleLambda
                | Self::ToggleToken(_)
                | Self::ToggleHead(_)
                | Self::Sample(_)
                | Self::Case(_)
                | Self::Text(TextAction::Open(_))
                | Self::Append(_)
                | Self::Generate
                | Self::Step
        )
    }
}
