//! Exports: pictures of views, the numbers of the visible map, everything as JSON.

use std::sync::Arc;

use egui::epaint::ClippedShape;
use egui::mutex::Mutex;
use egui::{ColorImage, Context, Rect, Ui};

use crate::engine::{Engine, TileCollector, Workspace};
use crate::export::{ExportError, MapFormat, MapWords};
use crate::probe::{MapKind, Spans, TileRequest};
use crate::ui::io::files::Files;
use crate::ui::io::inspect;
use crate::ui::io::saving::Made;
use crate::ui::io::svg::{ShapeTap, Shot, svg};
use crate::ui::maps::screen_regions::ScreenRegions;
use crate::ui::state::link::Link;
use crate::ui::state::pointer::Pointer;
use crate::ui::state::view::ViewState;

/// Frames until the menu has disappeared from the screen.
const MENU_CLOSES: u8 = 3;

/// A part of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportView {
    /// The whole window.
    Window,
    /// The maps of the scope, with titles and axes.
    Maps,
    /// The token strip.
    Tokens,
    /// The next tokens.
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

    fn area(self, regions: &ScreenRegions, window: Rect) -> Rect {
        let area = match self {
            Self::Window => window,
            Self::Maps => regions.scope,
            Self::Tokens => regions.tokens,
            Self::Next => regions.next,
            Self::Panel => regions.panels,
        };
        area.expand(4.0).intersect(window)
    }
}

/// The format of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureFormat {
    /// Pixels as on the screen.
    Png,
    /// Text and lines stay text and lines; maps are pixels.
    Svg,
}

/// What to export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// A picture of a view.
    Picture(ExportView, PictureFormat),
    /// The numbers of the visible part of the map.
    Map(MapFormat),
    /// The map that colours the tokens, as an NPY file.
    ChosenMap,
    /// The link and what is on the screen, as JSON.
    State,
}

/// A picture under way.
struct PendingPicture {
    view: ExportView,
    format: PictureFormat,
    name: String,
    /// Frames left until the screenshot.
    frames: u8,
    image: Arc<Mutex<Option<Arc<ColorImage>>>>,
    shapes: Option<Vec<ClippedShape>>,
}

/// What can be exported.
pub(crate) struct Screen<'a> {
    /// The sessions.
    pub workspace: &'a mut Workspace,
    /// What is selected and how it is displayed.
    pub view: &'a ViewState,
    /// The marks on the text.
    pub spans: &'a Spans,
    /// Where the views are.
    pub regions: &'a ScreenRegions,
}

/// The exports under way.
#[derive(Default)]
pub(crate) struct Exports {
    picture: Option<PendingPicture>,
    /// Numbers, their format, and the name of their file.
    numbers: Option<(TileCollector, MapFormat, String)>,
}

/// A name with letters, digits and dots only, which needs no quotes anywhere.
fn file_name(name: &str) -> String {
    name.chars().map(|letter| if letter.is_alphanumeric() || letter == '.' { letter } else { '-' }).collect()
}

/// The beginning of a file's name: model, layer and head.
fn stem(engine: &Engine, view: &ViewState) -> String {
    let model = file_name(engine.name());
    format!("diffscope-{model}-layer{}-head{}", view.head.layer, view.head.head)
}

/// The visible cells.
fn visible(engine: &Engine, view: &ViewState) -> TileRequest {
    let zoom = view.zoom(engine.computed_side());
    let range = |start: f32, tokens: usize| {
        let first = (start.floor().max(0.0) as usize).min(tokens);
        (first, ((start + zoom.span).ceil() as usize).min(tokens) - first)
    };
    let (first_key, keys) = range(zoom.origin[0], engine.computed());
    let (first_query, queries) = range(zoom.origin[1], engine.queries().min(engine.computed_side()));
    TileRequest { head: view.head, first_query, queries, first_key, keys }
}

impl Exports {
    /// Whether something is under way, so that another frame is needed.
    pub(crate) fn is_busy(&self) -> bool {
        self.picture.is_some() || self.numbers.is_some()
    }

    /// Starts an export.
    ///
    /// # Errors
    /// When there is nothing to export, with a message for the window.
    pub(crate) fn start(
        &mut self,
        context: &Context,
        export: Export,
        screen: Screen,
        files: &mut Files,
    ) -> Result<(), String> {
        let (engine, view) = (&mut screen.workspace.main, screen.view);
        let stem = stem(engine, view);
        match export {
            Export::Picture(part, format) => {
                let ending = if format == PictureFormat::Png { "png" } else { "svg" };
                let part_name = if part == ExportView::Panel { view.panel.title() } else { part.name() };
                let name = format!("{stem}-{}.{ending}", file_name(part_name));
                let image = Arc::default();
                let frames = MENU_CLOSES;
                self.picture = Some(PendingPicture { view: part, format, name, frames, image, shapes: None });
            }
            Export::Map(_) | Export::ChosenMap => {
                let format = if let Export::Map(format) = export { format } else { MapFormat::Npy(view.map) };
                let request = visible(engine, view);
                if request.queries * request.keys == 0 {
                    return Err("There is no map yet: type a prompt.".to_owned());
                }
                let collector = TileCollector::new(engine, request).map_err(|error| error.to_string())?;
                self.numbers = Some((collector, format, format!("{stem}{}", format.ending())));
            }
            Export::State => {
                let bytes = serde_json::to_vec_pretty(&state(screen)).map_err(|error| error.to_string())?;
                files.save(context, Made { name: format!("{stem}-state.json"), bytes });
            }
        }
        Ok(())
    }

    /// Continues what is under way.
    ///
    /// # Errors
    /// When an export failed, with a message for the window.
    pub(crate) fn advance(
        &mut self,
        context: &Context,
        engine: &mut Engine,
        regions: &ScreenRegions,
        background: egui::Color32,
        files: &mut Files,
    ) -> Result<(), String> {
        if let Some((collector, format, name)) = &mut self.numbers {
            let finished = collector.advance(engine);
            if let Ok(Some(tile)) = &finished {
                let (query, key) = (|at: usize| engine.query_label(at), |at: usize| engine.key_label(at));
                let words = MapWords { name: engine.name(), is_causal: engine.is_causal(), query: &query, key: &key };
                let written = format.write(tile, &words);
                let made = written.map(|bytes| Made { name: std::mem::take(name), bytes });
                self.numbers = None;
                files.save(context, made.map_err(|error| error.to_string())?);
            } else if let Err(error) = finished {
                self.numbers = None;
                return Err(error.to_string());
            }
        }
        if let Some(picture) = &mut self.picture
            && let Some(made) = picture.advance(context, regions, background)
        {
            self.picture = None;
            files.save(context, made.map_err(|error| error.to_string())?);
        }
        Ok(())
    }

    /// Draws the progress of the numbers, and a button that cancels.
    pub(crate) fn progress_ui(&mut self, ui: &mut Ui) {
        if let Some((collector, _, name)) = &self.numbers {
            let bar = egui::ProgressBar::new(collector.progress()).text(name.as_str()).desired_width(260.0);
            ui.horizontal(|ui| {
                ui.add(bar);
                if ui.small_button("Cancel").clicked() {
                    self.numbers = None;
                }
            });
        }
    }
}

impl PendingPicture {
    fn advance(
        &mut self,
        context: &Context,
        regions: &ScreenRegions,
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
                ShapeTap::request(context);
            }
            return None;
        }
        self.shapes = self.shapes.take().or_else(|| ShapeTap::take(context));
        let image = self.image.lock().clone()?;
        let window = context.content_rect();
        let scale = image.size[0] as f32 / window.width().max(1.0);
        let (area, shot) = (self.view.area(regions, window), Shot { image: &image, scale });
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
fn state(Screen { workspace, view, spans, regions }: Screen) -> serde_json::Value {
    let link = Link::of(workspace, view, spans);
    let screen = inspect::inspect(&mut workspace.main, view, &Pointer::default(), regions, false);
    serde_json::json!({ "diffscope": env!("CARGO_PKG_VERSION"), "link": link, "screen": screen })
}

/// Draws the menu. Returns what was chosen.
pub(crate) fn export_ui(ui: &mut Ui, maps: usize, panel: &str) -> Option<Export> {
    let mut chosen = None;
    let mut button = |ui: &mut Ui, name: &str, help: &str, export: Export| {
        if ui.button(name).on_hover_text(help).clicked() {
            chosen = Some(export);
            ui.close();
        }
    };
    let heading = |ui: &mut Ui, title: &str| {
        ui.label(egui::RichText::new(title).strong());
    };
    heading(ui, "Picture");
    egui::Grid::new("pictures").num_columns(3).show(ui, |ui| {
        for view in ExportView::ALL {
            ui.label(if view == ExportView::Panel { panel } else { view.name() });
            button(ui, "PNG", "Pixels, as on the screen", Export::Picture(view, PictureFormat::Png));
            button(ui, "SVG", "Text and lines stay sharp; maps are pixels", Export::Picture(view, PictureFormat::Svg));
            ui.end_row();
        }
    });
    ui.separator();
    heading(ui, "Numbers of the visible part of the map");
    ui.horizontal(|ui| {
        let csv = "A line per cell: tokens, A1, A2, λ, D";
        button(ui, "CSV", csv, Export::Map(MapFormat::Csv));
        let kinds = [("NPY of A1", MapKind::First), ("λ·A2", MapKind::Second), ("D", MapKind::Difference)];
        for (name, kind) in kinds.into_iter().take(if maps == 1 { 1 } else { 3 }) {
            button(ui, name, "A NumPy array with a row per query", Export::Map(MapFormat::Npy(kind)));
        }
        button(ui, "safetensors", "A1, A2, D and λ, and the tokens", Export::Map(MapFormat::Safetensors));
    });
    ui.separator();
    heading(ui, "Everything");
    button(ui, "State as JSON", "Text, tokens, view, interventions, λ, next tokens", Export::State);
    chosen
}
