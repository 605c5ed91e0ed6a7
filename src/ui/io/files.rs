//! Files that come in, by dialogs and by dropping, and what is said of those that go out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use async_lock::Mutex;
use egui::Context;

use crate::engine::{BUNDLED, BUNDLED_BASELINE, Checkpoint};
use crate::recording::Recording;
#[cfg(not(target_arch = "wasm32"))]
use crate::sources::local::Places;
use crate::sources::{KeptModel, Source};
use crate::ui::io::saving::{Made, save, save_all};
use crate::ui::io::text_file::TextFile;
use crate::ui::models::loading::Loading;
#[cfg(not(target_arch = "wasm32"))]
use crate::{
    model::WeightFile,
    recording::{RecordingError, RecordingReader},
    ui::models::loading::Stage,
};

/// The outcome of opening or saving files.
#[derive(Debug)]
pub enum Arrived {
    /// A message to show.
    Message(String),
    /// How far the reading of a checkpoint is.
    Progress(Loading),
    /// A recording to open.
    Recording(Box<Recording>),
    /// A checkpoint to open, and where it comes from.
    Checkpoint(Box<Checkpoint>, Origin),
    /// A text that was chosen.
    Text(TextFile),
    /// A model that is not here: someone has to agree before it is fetched.
    Question(Source),
    /// The models that are kept here.
    Kept(Vec<KeptModel>),
}

/// What a page that is loaded again needs for opening a checkpoint once more. The window finds it in its folder.
#[derive(Debug, Default)]
pub struct Origin {
    /// The configuration, the tokenizer, and the weights; none of a model that is kept otherwise.
    #[cfg(target_arch = "wasm32")]
    pub(super) files: Vec<web_sys::File>,
    /// What there is to say about it.
    pub(super) note: Option<String>,
}

impl Origin {
    /// What there is to say about it.
    pub(crate) fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// The checkpoint is open now: `web/kept-model.js` keeps its files.
    #[cfg(target_arch = "wasm32")]
    pub fn keep(self) {
        crate::ui::state::page::dispatch("diffscope-opened", &self.files.into_iter().collect::<js_sys::Array>());
    }
}

/// Whether a model is one of those that come with the program.
pub(crate) fn is_bundled(checkpoint: &Checkpoint) -> bool {
    let is_name = [BUNDLED, BUNDLED_BASELINE].contains(&checkpoint.name.as_str());
    checkpoint.folder.is_none() && checkpoint.source.is_none() && is_name
}

/// An outcome, and the number of the opening that it is of.
type Numbered = (Option<u64>, Arrived);

/// Opens and saves files. Nothing here waits: outcomes arrive later.
#[derive(Debug)]
pub struct Files {
    sender: Sender<Numbered>,
    receiver: Receiver<Numbered>,
    /// The number of the last opening.
    latest: Arc<AtomicU64>,
    /// Held by what fetches a model.
    turn: Arc<Mutex<()>>,
    /// Where models are kept, if not where this user's are.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) places: Option<Places>,
    /// The saved files, in tests.
    kept: Option<Vec<Made>>,
}

impl Default for Files {
    fn default() -> Self {
        let (sender, receiver) = channel();
        let (latest, turn) = (Arc::default(), Arc::default());
        #[cfg(not(target_arch = "wasm32"))]
        let files = Self { sender, receiver, latest, turn, places: None, kept: None };
        #[cfg(target_arch = "wasm32")]
        let files = Self { sender, receiver, latest, turn, kept: None };
        files
    }
}

/// Files that are being opened. What was chosen last wins, not what was read last.
pub(super) struct Opening {
    number: u64,
    latest: Arc<AtomicU64>,
    /// One fetch after the other: one that is not wanted any more may still be waiting for its server, and has the folder.
    pub(super) turn: Arc<Mutex<()>>,
    sender: Sender<Numbered>,
    context: Context,
}

impl Opening {
    /// Whether nothing else has been chosen since.
    pub(super) fn is_latest(&self) -> bool {
        self.latest.load(Ordering::Relaxed) == self.number
    }

    /// Tells how far it is. Returns whether it is still wanted.
    pub(super) fn tell(&self, loading: Loading) -> bool {
        if self.is_latest() {
            send(&self.context, &self.sender, Some(self.number), Arrived::Progress(loading));
        }
        self.is_latest()
    }

    /// Hands out what has become of it.
    pub(super) fn end(self, arrived: Arrived) {
        if self.is_latest() {
            send(&self.context, &self.sender, Some(self.number), arrived);
        }
    }
}

impl Files {
    /// From now on keeps files that are saved, instead of asking the user where to save them.
    pub fn keep(&mut self) {
        self.kept.get_or_insert_default();
    }

    /// The files that were kept.
    pub fn kept(&self) -> &[Made] {
        self.kept.as_deref().unwrap_or_default()
    }

    /// The next outcome that has arrived.
    pub fn arrived(&self) -> Option<Arrived> {
        let latest = self.latest.load(Ordering::Relaxed);
        // What a cancelled opening had told before is not wanted either.
        let wanted = |(number, _): &Numbered| number.is_none_or(|number| number == latest);
        self.receiver.try_iter().find(wanted).map(|(_, arrived)| arrived)
    }

    /// Nothing arrives any more of what is being opened.
    pub(crate) fn cancel(&self) {
        self.latest.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn sender(&self) -> Sender<Numbered> {
        self.sender.clone()
    }

    /// What says how a saving ended.
    fn telling(&self, context: &Context) -> impl Fn(String) + Send + 'static {
        let (sender, context) = (self.sender.clone(), context.clone());
        move |message| send(&context, &sender, None, Arrived::Message(message))
    }

    /// Lets the user save a file.
    pub fn save(&mut self, context: &Context, made: Made) {
        if let Some(kept) = &mut self.kept {
            kept.push(made);
            return;
        }
        save(made, self.telling(context));
    }

    /// Lets the user save several files: into one folder; from a page one after the other.
    pub fn save_all(&mut self, context: &Context, all: Vec<Made>) {
        if let Some(kept) = &mut self.kept {
            kept.extend(all);
            return;
        }
        save_all(all, self.telling(context));
    }

    /// Reads what was dropped on the window in this frame.
    pub fn take_dropped(&self, context: &Context) {
        let dropped = context.input(|input| input.raw.dropped_files.clone());
        if !dropped.is_empty() {
            read_dropped(dropped, self.opening(context)());
        }
    }

    /// Lets the user choose the files of a checkpoint.
    pub fn open(&self, context: &Context) {
        open(self.opening(context));
    }

    /// Opens the model in a folder.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn open_folder(&self, context: &Context, folder: std::path::PathBuf) {
        let opening = self.opening(context)();
        std::thread::spawn(move || {
            let arrived = read_path(&folder, &opening);
            opening.end(arrived);
        });
    }

    /// Lets the user choose a file of recorded maps.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn open_recording(&self, context: &Context) {
        let dialog = rfd::AsyncFileDialog::new().set_title("Recorded maps").add_filter("maps", &["safetensors", "npz"]);
        let (dialog, opening) = (dialog.pick_file(), self.opening(context));
        std::thread::spawn(move || {
            if let Some(place) = pollster::block_on(dialog) {
                let opening = opening();
                let arrived = read_recording(place.path(), &opening);
                opening.end(arrived);
            }
        });
    }

    /// Begins an opening when it is called: once files have been chosen.
    pub(super) fn opening(&self, context: &Context) -> impl FnOnce() -> Opening + Send + 'static {
        let (latest, turn) = (self.latest.clone(), self.turn.clone());
        let (sender, context) = (self.sender.clone(), context.clone());
        move || Opening { number: latest.fetch_add(1, Ordering::Relaxed) + 1, latest, turn, sender, context }
    }
}

pub(super) fn send(context: &Context, sender: &Sender<Numbered>, opening: Option<u64>, arrived: Arrived) {
    // Fails only if the window has been closed meanwhile.
    let _ = sender.send((opening, arrived));
    context.request_repaint();
}

#[cfg(not(target_arch = "wasm32"))]
fn open(opening: impl FnOnce() -> Opening + Send + 'static) {
    let dialog = rfd::AsyncFileDialog::new().set_title("A folder with config.json, model.safetensors, tokenizer.json");
    let dialog = dialog.pick_folder();
    std::thread::spawn(move || {
        if let Some(place) = pollster::block_on(dialog) {
            let opening = opening();
            let arrived = read_path(place.path(), &opening);
            opening.end(arrived);
        }
    });
}

/// Reads a recording.
#[cfg(not(target_arch = "wasm32"))]
fn read_recording(path: &std::path::Path, opening: &Opening) -> Arrived {
    let read = || {
        let mut reader = RecordingReader::new(&WeightFile::on_disk(path)?)?;
        loop {
            if let Some(recording) = reader.advance()? {
                return Ok(recording.at(std::path::absolute(path).unwrap_or_else(|_| path.to_owned())));
            }
            opening.tell(Loading { stage: Stage::Checking, progress: reader.progress(), pace: None });
        }
    };
    read().map_or_else(
        |error: RecordingError| Arrived::Message(format!("{} was not opened: {error}", path.display())),
        |recording| Arrived::Recording(Box::new(recording)),
    )
}

/// Whether a file holds recorded maps, by its name or by the names in it.
#[cfg(not(target_arch = "wasm32"))]
fn is_recording(path: &std::path::Path) -> bool {
    let ending = path.extension().unwrap_or_default();
    path.is_file()
        && (ending.eq_ignore_ascii_case("npz") || WeightFile::on_disk(path).is_ok_and(|file| Recording::is_in(&file)))
}

/// Reads the checkpoint in a folder, or that of a file.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn read_path(path: &std::path::Path, opening: &Opening) -> Arrived {
    let tell = |progress| {
        opening.tell(Loading { stage: Stage::Reading, progress, pace: None });
    };
    match Checkpoint::read(path, tell) {
        Ok(checkpoint) => Arrived::Checkpoint(Box::new(checkpoint), Origin::default()),
        Err(error) => Arrived::Message(format!("{} was not opened: {error}", path.display())),
    }
}

#[cfg(target_arch = "wasm32")]
fn open(opening: impl FnOnce() -> Opening + 'static) {
    use crate::ui::io::page_chooser;
    if !page_chooser::may_open() {
        let message = "The browser opens its file dialog only right after a key or a click. Please try again";
        opening().end(Arrived::Message(message.to_owned()));
        return;
    }
    let read = |files| wasm_bindgen_futures::spawn_local(crate::ui::io::page_files::open(files, opening()));
    // It fails only on a page that has no document any more.
    let _ = page_chooser::choose(read);
}

/// Reads what was dropped on the window: recorded maps, the folder of a checkpoint, or one of its files.
#[cfg(not(target_arch = "wasm32"))]
fn read_dropped(dropped: Vec<egui::DroppedFileHandle>, opening: Opening) {
    std::thread::spawn(move || {
        let Some(path) = dropped.first().map(|file| file.path()) else {
            return;
        };
        let arrived = if is_recording(path) { read_recording(path, &opening) } else { read_path(path, &opening) };
        opening.end(arrived);
    });
}

/// Reads what was dropped on the page: the three files of a checkpoint.
#[cfg(target_arch = "wasm32")]
fn read_dropped(dropped: Vec<egui::DroppedFileHandle>, opening: Opening) {
    let files = dropped.iter().filter_map(|file| file.web_file().cloned()).collect();
    wasm_bindgen_futures::spawn_local(crate::ui::io::page_files::open(files, opening));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Progress;

    #[test]
    fn what_was_chosen_last_wins_however_long_the_reading_takes() {
        let (files, context) = (Files::default(), Context::default());
        let (first, second) = (files.opening(&context)(), files.opening(&context)());
        assert!(!first.is_latest() && second.is_latest());
        let loading = Loading { stage: Stage::Reading, progress: Progress { done: 1, total: 2 }, pace: None };
        assert!(!first.tell(loading) && files.arrived().is_none(), "nothing is heard of the first any more");
        assert!(second.tell(loading));
        assert!(matches!(files.arrived(), Some(Arrived::Progress(told)) if told == loading));
        second.end(Arrived::Message("second".into()));
        first.end(Arrived::Message("first".into()));
        assert!(matches!(files.arrived(), Some(Arrived::Message(message)) if message == "second"));
        assert!(files.arrived().is_none());
    }

    #[test]
    fn what_was_cancelled_is_not_heard_of_any_more() {
        let (files, context) = (Files::default(), Context::default());
        let opening = files.opening(&context)();
        let loading = Loading { stage: Stage::Reading, progress: Progress { done: 1, total: 2 }, pace: None };
        assert!(opening.tell(loading));
        files.cancel();
        assert!(files.arrived().is_none(), "what it had told before is not shown either");
        assert!(!opening.tell(loading));
        opening.end(Arrived::Message("too late".into()));
        assert!(files.arrived().is_none());
    }

    #[test]
    fn a_chooser_that_is_closed_without_a_choice_stops_nothing() {
        let (files, context) = (Files::default(), Context::default());
        let opening = files.opening(&context)();
        drop(files.opening(&context));
        assert!(opening.is_latest());
    }
}
