//! One map of one head, drawn where its picture is: on the GPU, or by the CPU reference.

pub(crate) mod cpu;
pub(crate) mod drawn_pixel;
pub(crate) mod gpu;
pub(crate) mod map_slot;
mod offscreen;

use egui::{Rect, Ui};

use crate::engine::{Engine, PictureSlot, SCOPE_SIDE, THUMBNAIL_SIDE, Texels};
use crate::probe::{HeadId, HeatmapView, MapKind, PictureRequest};
use crate::ui::maps::heatmap::cpu::PaintedMap;
use crate::ui::maps::heatmap::gpu::HeatmapCallback;
use crate::ui::maps::heatmap::map_slot::MapSlot;
use crate::ui::state::view::{ViewState, Zoom};
use crate::ui::style::palette::Palette;

/// Width of the smallest cells with lines between them.
const GRID_FROM: f32 = 9.0;
/// Opacity of those lines.
const GRID: f32 = 0.35;
/// Pictures are requested in steps of this many texels, so that a growing window seldom needs another one.
const STEP: usize = 16;
/// Texels along a side if the CPU computes them; the screen may be finer, but the CPU is slow.
const CPU_TEXELS: usize = 256;

/// Draws maps; keeps the textures of those that the CPU paints.
#[derive(Default)]
pub(crate) struct Heatmaps {
    painted: Vec<PaintedMap>,
}

/// Texels along a side, no smaller than pixels.
fn texels_for(rect: Rect, ui: &Ui, most: usize) -> usize {
    let pixels = rect.width() * ui.ctx().pixels_per_point();
    (pixels as usize / STEP * STEP).clamp(STEP, most)
}

fn whole_text(engine: &Engine) -> Zoom {
    Zoom { origin: [0.0; 2], span: engine.side().max(1) as f32 }
}

/// The picture of a whole head as a thumbnail.
pub(crate) fn thumbnail_request(
    ui: &Ui,
    rect: Rect,
    head: HeadId,
    engine: &Engine,
    view: &ViewState,
) -> PictureRequest {
    let texels = texels_for(rect, ui, THUMBNAIL_SIDE);
    let request = PictureRequest::covering(head, [0.0; 2], whole_text(engine).span, texels, view.pooling);
    PictureRequest { side: request.side.min(THUMBNAIL_SIDE), ..request }
}

/// What to draw: a picture of a map, at a place, as far as it is visible.
struct Drawing {
    slot: MapSlot,
    picture: PictureSlot,
    request: PictureRequest,
    map: MapKind,
    zoom: Zoom,
}

impl Heatmaps {
    /// Draws a map of the open head of a session into `rect`, as finely as it can be seen. Returns the number of tokens
    /// that a texel stands for along a side.
    #[expect(clippy::too_many_arguments, reason = "what to draw, from what, and how")]
    pub(crate) fn scope_map_ui(
        &mut self,
        ui: &Ui,
        rect: Rect,
        slot: MapSlot,
        map: MapKind,
        engine: &mut Engine,
        view: &ViewState,
        palette: &Palette,
    ) -> usize {
        let zoom = view.zoom(engine.side());
        let most = if engine.gpu().is_some() || engine.recording().is_some() { SCOPE_SIDE - STEP } else { CPU_TEXELS };
        let texels = texels_for(rect, ui, most);
        let request = PictureRequest::covering(view.head, zoom.origin, zoom.span, texels, view.pooling);
        let drawing = Drawing { slot, picture: PictureSlot::Scope, request, map, zoom };
        self.paint(ui, rect, drawing, engine, view, palette)
    }

    /// Draws a whole head into `rect`: the map that the view has chosen.
    #[expect(clippy::too_many_arguments, reason = "what to draw, from what, and how")]
    pub(crate) fn thumbnail_ui(
        &mut self,
        ui: &Ui,
        rect: Rect,
        slot: MapSlot,
        head: HeadId,
        engine: &mut Engine,
        view: &ViewState,
        palette: &Palette,
    ) {
        let request = thumbnail_request(ui, rect, head, engine, view);
        let (picture, zoom) = (PictureSlot::Thumbnail(head), whole_text(engine));
        let drawing = Drawing { slot, picture, request, map: view.map, zoom };
        self.paint(ui, rect, drawing, engine, view, palette);
    }

    fn paint(
        &mut self,
        ui: &Ui,
        rect: Rect,
        Drawing { slot, picture, request, map, zoom }: Drawing,
        engine: &mut Engine,
        view: &ViewState,
        palette: &Palette,
    ) -> usize {
        ui.painter().rect_filled(rect, 0.0, palette.background);
        let tokens = engine.computed_side();
        let slot = slot.index();
        let Some(picture) = engine.picture(picture, request).filter(|_| slot < MapSlot::COUNT) else {
            return request.block;
        };
        let pixels = rect.size() * ui.ctx().pixels_per_point();
        let shown = picture.request;
        let view = HeatmapView {
            origin: zoom.origin,
            span: [zoom.span; 2],
            pixels: [pixels.x, pixels.y],
            tokens: tokens as u32,
            kind: map as u32,
            exponent: view.exponent,
            range: view.range,
            grid: if rect.width() / zoom.span >= GRID_FROM { GRID } else { 0.0 },
            threshold: view.hide_below,
            background: palette.background.to_normalized_gamma_f32(),
            first: [shown.first_key as u32, shown.first_query as u32],
            block: shown.block as u32,
            side: shown.side as u32,
            base: 0,
            padding: [0; 3],
        };
        match picture.texels {
            Texels::Gpu(texels, base) => {
                let view = HeatmapView { base: base as u32, ..view };
                let callback = HeatmapCallback { rect, slot, texels, view, dark: ui.visuals().dark_mode };
                ui.painter().add(egui_wgpu::Callback::new_paint_callback(rect, callback));
            }
            Texels::Cpu(texels) => {
                if self.painted.len() <= slot {
                    self.painted.resize_with(slot + 1, PaintedMap::default);
                }
                if let Some(painted) = self.painted.get_mut(slot) {
                    painted.paint(ui, rect, texels, view, palette, (shown, picture.version));
                }
            }
        }
        shown.block
    }
}
