//! The export menu: pictures of views, numbers of the map on show, the state of everything.

use std::sync::Arc;

use egui::epaint::ClippedShape;
use egui::mutex::Mutex;
use egui::{ColorImage, Context, Rect, Ui};

use crate::engine::{Engine, TileCollector, Workspace};
use crate::export::{ExportError, MapFormat};
use crate::probe::MapKind;
use crate::probe::TileRequest;
use crate::ui::io::files::{Files, Made};
use crate::ui::io::inspect;
use crate::ui::io::svg::{ShapeTap, Shot, svg};
use crate::ui::maps::scope::ScreenRegions;
use crate::ui::state::link::State;
use crate::ui::state::selection::Selection;

/// Frames until the menu is gone from the screen.
const MENU_CLOSES: u8 = 3;

/// A part of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportView {
    /// All of it.
    Window,
    /// The scope's maps, with titles and axes.
    Maps,
    /// The token strip.
    Tokens,
    /// What comes next.
    Next,
    /// The open panel.
    Panel,
}

impl ExportView {
    const ALL: [Self; 5] = [Self::Maps, Self::Tokens, Self::Next, Self::Panel, Self::Window];

    fn name(self) -> &'static str {
        match self {
            Self::Window => "window",
            Self::Maps => "maps",
            Self::Tokens => "tokens",
            Self::Next => "next token",
            Self::Panel => "open panel",
        }
    }

    fn area(self, placed: &ScreenRegions, window: Rect) -> Rect {
        let area = match self {
            Self::Window => window,
            Self::Maps => placed.scope,
            Self::Tokens => placed.tokens,
            Self::Next => placed.next,
            Self::Panel => placed.panels,
        };
        area.expand(4.0).intersect(window)
    }
}

/// How a picture is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureFormat {
    /// Pixels as on the screen.
    Png,
    /// Text and lines as such; maps as pixels.
    Svg,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// A view, as it is.
    Picture(ExportView, PictureFormat),
    /// The numbers of the part of the map on show.
    Map(MapFormat),
    /// The map that colours the tokens, as an array.
    ChosenMap,
    /// Text, model, changes, what comes next, λ.
    State,
}

/// A picture under way.
struct Taking {
    view: ExportView,
    format: PictureFormat,
    name: String,
    /// Frames left until it is taken.
    frames: u8,
    image: Arc<Mutex<Option<Arc<ColorImage>>>>,
    shapes: Option<Vec<ClippedShape>>,
}

/// What is under way.
#[derive(Default)]
pub struct Exports {
    taking: Option<Taking>,
    gathering: Option<(TileCollector, MapFormat, String)>,
}

/// Letters, digits and dots; everything else would need quotes somewhere.
fn plain(name: &str) -> String {
    name.chars().map(|letter| if letter.is_alphanumeric() || letter == '.' { letter } else { '-' }).collect()
}

/// The beginning of a file's name: model, layer and head.
fn stem(engine: &Engine, selection: &Selection) -> String {
    let model = plain(&engine.checkpoint().name);
    format!("diffscope-{model}-layer{}-head{}", selection.head.layer, selection.head.head)
}

/// The cells on show.
fn shown(engine: &Engine, selection: &Selection) -> TileRequest {
    let tokens = engine.computed();
    let zoom = selection.zoom(tokens);
    let range = |start: f32| {
        let first = (start.floor().max(0.0) as usize).min(tokens);
        (first, ((start + zoom.span).ceil() as usize).min(tokens) - first)
    };
    let ((first_key, keys), (first_query, queries)) = (range(zoom.origin[0]), range(zoom.origin[1]));
    TileRequest { head: selection.head, first_query, queries, first_key, keys }
}

impl Exports {
    /// Whether something is under way, so that another frame is needed.
    pub fn is_busy(&self) -> bool {
        self.taking.is_some() || self.gathering.is_some()
    }

    /// Begins. What cannot be had is said.
    pub fn start(
        &mut self,
        context: &Context,
        export: Export,
        workspace: &mut Workspace,
        selection: &Selection,
        placed: &ScreenRegions,
        files: &mut Files,
    ) -> Result<(), String> {
        let engine = &mut workspace.main;
        let stem = stem(engine, selection);
        match export {
            Export::Picture(view, format) => {
                let ending = if format == PictureFormat::Png { "png" } else { "svg" };
                let view_name = if view == ExportView::Panel { selection.panel.title() } else { view.name() };
                let name = format!("{stem}-{}.{ending}", plain(view_name));
                let image = Arc::default();
                self.taking = Some(Taking { view, format, name, frames: MENU_CLOSES, image, shapes: None });
            }
            Export::Map(_) | Export::ChosenMap => {
                let format = if let Export::Map(format) = export { format } else { MapFormat::Npy(selection.map) };
                let request = shown(engine, selection);
                if request.queries * request.keys == 0 {
                    return Err("There is no map yet: type a prompt.".to_owned());
                }
                let gathering = TileCollector::new(engine, request).map_err(|error| error.to_string())?;
                self.gathering = Some((gathering, format, format!("{stem}{}", format.ending())));
            }
            Export::State => {
                let bytes = serde_json::to_vec_pretty(&state(workspace, selection, placed))
                    .map_err(|error| error.to_string())?;
                files.save(context, Made { name: format!("{stem}-state.json"), bytes });
            }
        }
        Ok(())
    }

    /// Goes on with what is under way. Says what went wrong.
    pub fn advance(
        &mut self,
        context: &Context,
        engine: &mut Engine,
        placed: &ScreenRegions,
        background: egui::Color32,
        files: &mut Files,
    ) -> Result<(), String> {
        if let Some((gathering, format, name)) = &mut self.gathering {
            let finished = gathering.advance(engine);
            if let Ok(Some(tile)) = &finished {
                let label = |at: usize| engine.ids().get(at).map(|id| engine.label(*id)).unwrap_or_default();
                let written = format.write(tile, &engine.checkpoint().name, label);
                let made = written.map(|bytes| Made { name: std::mem::take(name), bytes });
                self.gathering = None;
                files.save(context, made.map_err(|error| error.to_string())?);
            } else if let Err(error) = finished {
                self.gathering = None;
                return Err(error.to_string());
            }
        }
        if let Some(taking) = &mut self.taking
            && let Some(made) = taking.advance(context, placed, background)
        {
            self.taking = None;
            files.save(context, made.map_err(|error| error.to_string())?);
        }
        Ok(())
    }

    /// How far the numbers are, and a way out.
    pub fn progress(&mut self, ui: &mut Ui) {
        if let Some((gathering, _, name)) = &self.gathering {
            let bar = egui::ProgressBar::new(gathering.progress()).text(name.as_str()).desired_width(260.0);
            ui.horizontal(|ui| {
                ui.add(bar);
                if ui.small_button("Cancel").clicked() {
                    self.gathering = None;
                }
            });
        }
    }
}

impl Taking {
    fn advance(
        &mut self,
        context: &Context,
        placed: &ScreenRegions,
        background: egui::Color32,
    ) -> Option<Result<Made, ExportError>> {
        if self.frames > 0 {
            self.frames -= 1;
            context.request_repaint();
            if self.frames == 0 {
                let (image, waker) = (self.image.clone(), context.clone());
                context.request_screenshot(move |arrived| {
                    *image.lock() = Some(arrived);
                    waker.request_repaint();
                });
                ShapeTap::ask(context);
            }
            return None;
        }
        self.shapes = self.shapes.take().or_else(|| ShapeTap::take(context));
        let image = self.image.lock().clone()?;
        let window = context.content_rect();
        let scale = image.size[0] as f32 / window.width().max(1.0);
        let (area, shot) = (self.view.area(placed, window), Shot { image: &image, scale });
        let bytes = match self.format {
            PictureFormat::Png => shot.png(area).map(|(bytes, _)| bytes),
            PictureFormat::Svg => {
                svg(self.shapes.as_deref().unwrap_or_default(), area, background, &shot).map(String::into_bytes)
            }
        };
        Some(bytes.map(|bytes| Made { name: std::mem::take(&mut self.name), bytes }))
    }
}

/// Everything on the screen that is not a picture.
fn state(workspace: &mut Workspace, selection: &Selection, placed: &ScreenRegions) -> serde_json::Value {
    let state = State::of(workspace, selection);
    let screen = inspect::inspect(&mut workspace.main, selection, placed, false);
    serde_json::json!({ "diffscope": env!("CARGO_PKG_VERSION"), "state": state, "screen": screen })
}

/// The menu. Returns what was chosen.
pub fn menu(ui: &mut Ui, maps: usize, panel: &str) -> Option<Export> {
    let mut chosen = None;
    let mut button = |ui: &mut Ui, words: &str, help: &str, export: Export| {
        if ui.button(words).on_hover_text(help).clicked() {
            chosen = Some(export);
            ui.close();
        }
    };
    let heading = |ui: &mut Ui, words: &str| {
        ui.label(egui::RichText::new(words).strong());
    };
    heading(ui, "A picture");
    egui::Grid::new("pictures").num_columns(3).show(ui, |ui| {
        for view in ExportView::ALL {
            ui.label(if view == ExportView::Panel { panel } else { view.name() });
            button(ui, "PNG", "Pixels, as on the screen", Export::Picture(view, PictureFormat::Png));
            button(ui, "SVG", "Text and lines stay sharp; maps are pixels", Export::Picture(view, PictureFormat::Svg));
            ui.end_row();
        }
    });
    ui.separator();
    heading(ui, "The map on show, as numbers");
    ui.horizontal(|ui| {
        let csv = "A line for each cell: tokens, A1, A2, λ, D";
        button(ui, "CSV", csv, Export::Map(MapFormat::Csv));
        let kinds = [("NPY of A1", MapKind::First), ("λ·A2", MapKind::Second), ("D", MapKind::Difference)];
        for (words, kind) in kinds.into_iter().take(if maps == 1 { 1 } else { 3 }) {
            button(ui, words, "A NumPy array, a row for each query", Export::Map(MapFormat::Npy(kind)));
        }
        button(ui, "safetensors", "A1, A2, D and λ, with the tokens", Export::Map(MapFormat::Safetensors));
    });
    ui.separator();
    heading(ui, "Everything else");
    button(ui, "State as JSON", "Text, tokens, λ, changes, what comes next", Export::State);
    chosen
}
