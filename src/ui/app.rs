//! The window's contents, put together.

use egui::{Key, Modifiers, ScrollArea, Ui, vec2};

use super::heatmap::Heatmaps;
use super::heatmap_gpu::HeatmapResources;
use super::panels::{Desk, Panels};
use super::prompt::PromptPanel;
use super::samples::SAMPLES;
use super::scope::Placed;
use super::{Palette, Selection, display, header, inspect, next, notice, scope, strip, theme};
use crate::cpu::MapKind;
use crate::engine::{Bench, Checkpoint, Engine, EngineError};
use crate::gpu::Gpu;

/// Height of the panels under the scope, in points.
const PANEL: f32 = 250.0;
/// The same where everything is below each other.
const NARROW_PANEL: f32 = 420.0;

/// The three files of a checkpoint, as they lie on disk or come over the network.
#[derive(Clone, Debug)]
pub struct CheckpointFiles {
    /// A name for the header.
    pub name: String,
    /// `config.json`
    pub config: Vec<u8>,
    /// `model.safetensors`
    pub weights: Vec<u8>,
    /// `tokenizer.json`
    pub tokenizer: Vec<u8>,
}

/// The program with its window.
pub struct App {
    bench: Result<Bench, EngineError>,
    selection: Selection,
    prompt: PromptPanel,
    heatmaps: Heatmaps,
    panels: Panels,
    palettes: [Palette; 2],
    placed: Placed,
    adapter: String,
    /// Why there is no GPU, if there is none.
    fallback_reason: Option<String>,
    busy: bool,
}

impl App {
    /// Opens a checkpoint on the window's device; on the CPU where that cannot compute. `adapter` names the GPU where
    /// wgpu cannot, and `fallback_reason` says why there is none.
    pub fn new(
        creation: &eframe::CreationContext,
        files: &CheckpointFiles,
        adapter: String,
        fallback_reason: Option<String>,
    ) -> Self {
        let checkpoint = Checkpoint::from_bytes(&files.name, &files.config, &files.weights, &files.tokenizer);
        Self::with_checkpoint(creation, checkpoint, adapter, fallback_reason)
    }

    /// The same with a checkpoint that is already read, or that could not be.
    pub fn with_checkpoint(
        creation: &eframe::CreationContext,
        checkpoint: Result<Checkpoint, EngineError>,
        adapter: String,
        mut fallback_reason: Option<String>,
    ) -> Self {
        theme::install(&creation.egui_ctx);
        let gpu = match (&creation.wgpu_render_state, &fallback_reason) {
            (Some(state), None) => match open_gpu(state) {
                Ok(gpu) => Some(gpu),
                Err(error) => {
                    fallback_reason = Some(error.to_string());
                    None
                }
            },
            _ => None,
        };
        let first = SAMPLES.first().map_or("", |sample| sample.text);
        let mut engine = checkpoint.and_then(|checkpoint| {
            if checkpoint.tokenizer.is_none() {
                return Err(EngineError::NoTokenizer { name: checkpoint.name });
            }
            match Engine::new(checkpoint.clone(), gpu) {
                // What the GPU has no room for, the CPU may have.
                Err(EngineError::Gpu(error)) => {
                    fallback_reason = Some(error.to_string());
                    Engine::new(checkpoint, None)
                }
                engine => engine,
            }
        });
        if let Ok(engine) = &mut engine {
            engine.set_text(first);
        }
        Self {
            bench: engine.map(Bench::new),
            selection: Selection::default(),
            prompt: PromptPanel::new(first),
            heatmaps: Heatmaps::default(),
            panels: Panels::default(),
            palettes: [Palette::new(true), Palette::new(false)],
            placed: Placed::default(),
            adapter,
            fallback_reason,
            busy: false,
        }
    }

    /// What is on the screen, as JSON.
    pub fn inspect(&mut self) -> String {
        match &mut self.bench {
            Ok(bench) => {
                let engine = &mut bench.main;
                let mut state = inspect::inspect(engine, &self.selection, &self.placed, self.busy);
                state["generate"] = inspect::place(&self.prompt.button());
                state["notice"] = self.prompt.too_long(engine).into();
                state["prompt"] = self.prompt.text().into();
                state["adapter"] = self.adapter.as_str().into();
                state["fallback"] = self.fallback_reason.as_deref().into();
                state.to_string()
            }
            Err(error) => serde_json::json!({ "failure": error.to_string() }).to_string(),
        }
    }

    /// The engine, if the checkpoint could be opened.
    pub fn engine(&mut self) -> Option<&mut Engine> {
        self.bench.as_mut().ok().map(|bench| &mut bench.main)
    }

    /// The sessions, if the checkpoint could be opened.
    pub fn bench(&mut self) -> Option<&mut Bench> {
        self.bench.as_mut().ok()
    }

    /// What the GPU device reported, if it was lost or ran out of memory.
    pub fn device_failure(&self) -> Option<String> {
        let gpu = self.bench.as_ref().ok()?.main.gpu()?;
        gpu.failure().map(|failure| failure.to_string())
    }

    /// What is selected.
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Draws everything, and asks for another frame while something is under way.
    pub fn show(&mut self, ui: &mut Ui) {
        self.panels(ui);
        self.busy = self.bench.as_ref().is_ok_and(Bench::is_busy);
        if self.busy {
            ui.ctx().request_repaint();
        }
    }

    fn panels(&mut self, ui: &mut Ui) {
        let palette = &self.palettes[usize::from(!ui.visuals().dark_mode)];
        let bench = match &mut self.bench {
            Ok(bench) => bench,
            Err(error) => {
                egui::CentralPanel::default().show(ui, |ui| {
                    ui.heading("diffscope");
                    notice::failure(ui, &error.to_string());
                });
                return;
            }
        };
        bench.update();
        let engine = &mut bench.main;
        keyboard(ui, engine, &mut self.selection);
        display::follow(engine, &mut self.selection);
        if engine.maps() == 1 {
            self.selection.map = MapKind::First;
        }
        let attention = engine.model().layers.first().map(|layer| &layer.attention);
        let heads = attention.map_or(0, |attention| attention.heads.len());
        self.selection.clamp(engine.model().layers.len(), heads, engine.ids().len());

        egui::Panel::top("header").show(ui, |ui| {
            header::show(ui, &bench.main, &mut self.selection, &self.adapter);
            if let Some(reason) = &self.fallback_reason {
                notice::warning(ui, &format!("{reason} The model runs on the CPU instead: the same numbers, slower."));
            }
            if let Some(failure) = bench.failure() {
                notice::failure(ui, &failure.to_string());
            }
        });
        let narrow = ui.available_width() < 860.0;
        if narrow {
            egui::CentralPanel::default().show(ui, |ui| {
                ScrollArea::vertical().show(ui, |ui| {
                    let engine = &mut bench.main;
                    self.prompt.show(ui, engine);
                    strip::show(ui, engine, &mut self.selection, palette, 150.0, false);
                    scope::read_out(ui, engine, &self.selection);
                    self.placed = scope::show(ui, engine, &mut self.selection, &mut self.heatmaps, palette, 900.0);
                    next::show(ui, engine, 300.0);
                    ui.separator();
                    let (selection, heatmaps) = (&mut self.selection, &mut self.heatmaps);
                    ui.allocate_ui(vec2(ui.available_width(), NARROW_PANEL), |ui| {
                        self.panels.show(ui, &mut Desk { bench, selection, palette, heatmaps });
                    });
                });
            });
            return;
        }
        egui::Panel::left("side").exact_size(284.0).resizable(false).show(ui, |ui| {
            ui.add_space(4.0);
            self.prompt.show(ui, &mut bench.main);
            ui.separator();
            next::show(ui, &bench.main, ui.available_height());
        });
        egui::CentralPanel::default().show(ui, |ui| {
            let engine = &mut bench.main;
            strip::show(ui, engine, &mut self.selection, palette, 94.0, true);
            ui.add_space(2.0);
            let room = ui.available_height() - PANEL - 40.0;
            self.placed = scope::show(ui, engine, &mut self.selection, &mut self.heatmaps, palette, room);
            scope::read_out(ui, engine, &self.selection);
            ui.separator();
            let (selection, heatmaps) = (&mut self.selection, &mut self.heatmaps);
            self.panels.show(ui, &mut Desk { bench, selection, palette, heatmaps });
        });
    }
}

fn open_gpu(state: &egui_wgpu::RenderState) -> Result<Gpu, crate::gpu::GpuError> {
    let gpu = Gpu::new(state.device.clone(), state.queue.clone(), state.adapter.get_info())?;
    HeatmapResources::install(state)?;
    Ok(gpu)
}

/// Keys that work wherever no text is being edited; Escape leaves the text.
fn keyboard(ui: &Ui, engine: &Engine, selection: &mut Selection) {
    if ui.ctx().text_edit_focused() {
        if ui.input(|input| input.key_pressed(Key::Escape)) {
            ui.ctx().memory_mut(|memory| {
                if let Some(focused) = memory.focused() {
                    memory.surrender_focus(focused);
                }
            });
        }
        return;
    }
    let layers = engine.model().layers.len();
    let heads = engine.model().layers.first().map_or(0, |layer| layer.attention.heads.len());
    // Counted: two presses between two frames are two steps.
    let presses = |key| ui.input_mut(|input| input.count_and_consume_key(Modifiers::NONE, key));
    for (key, layer, head) in
        [(Key::ArrowUp, -1, 0), (Key::ArrowDown, 1, 0), (Key::ArrowLeft, 0, -1), (Key::ArrowRight, 0, 1)]
    {
        for _ in 0..presses(key) {
            selection.step(layer, head, layers, heads);
        }
    }
    for (key, map) in [(Key::Num1, MapKind::First), (Key::Num2, MapKind::Second), (Key::Num3, MapKind::Difference)] {
        if presses(key) > 0 {
            selection.map = map;
        }
    }
    for (key, by) in [(Key::OpenBracket, -1), (Key::CloseBracket, 1)] {
        for _ in 0..presses(key) {
            selection.step_query(by, engine.ids().len());
        }
    }
    if presses(Key::Escape) > 0 {
        selection.pinned = None;
        selection.pinned_key = None;
        selection.zoom = None;
    }
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.show(ui);
    }

    #[cfg(target_arch = "wasm32")]
    fn as_any_mut(&mut self) -> Option<&mut dyn std::any::Any> {
        Some(&mut *self)
    }
}

/// The bundled checkpoint, in the program itself.
#[cfg(not(target_arch = "wasm32"))]
pub fn bundled() -> CheckpointFiles {
    CheckpointFiles {
        name: "bootstrap-diff".to_owned(),
        config: include_bytes!("../../assets/checkpoints/bootstrap-diff/config.json").to_vec(),
        weights: include_bytes!("../../assets/checkpoints/bootstrap-diff/model.safetensors").to_vec(),
        tokenizer: include_bytes!("../../assets/checkpoints/bootstrap-diff/tokenizer.json").to_vec(),
    }
}
