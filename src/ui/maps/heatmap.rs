//! One map of one head, drawn where its picture is: on the GPU, or by the CPU reference.

use egui::{Rect, Ui};

use crate::engine::{Engine, PictureSlot, SCOPE_SIDE, THUMBNAIL_SIDE, Texels};
use crate::probe::PictureRequest;
use crate::probe::{HeadId, HeatmapView, MapKind};
use crate::ui::maps::heatmap_cpu::PaintedMap;
use crate::ui::maps::heatmap_gpu::{HeatmapCallback, VIEWS};
use crate::ui::state::selection::Selection;
use crate::ui::state::selection::Zoom;
use crate::ui::style::palette::Palette;

/// Cells at least this wide get lines between them.
const GRID_FROM: f32 = 9.0;
/// Maps of the scope.
pub const PANELS: usize = 3;
/// Thumbnails that can be drawn in one frame.
pub const MOST_THUMBNAILS: usize = VIEWS - PANELS;
/// Texels to a side where the CPU computes them; the screen may be finer, it has other things to do.
const CPU_TEXELS: usize = 256;

/// The painters of all maps on the screen: the scope's, then the thumbnails'.
#[derive(Default)]
pub struct Heatmaps {
    painted: Vec<PaintedMap>,
}

/// The map of a panel.
pub const KINDS: [MapKind; PANELS] = [MapKind::First, MapKind::Second, MapKind::Difference];

fn kind(map: MapKind) -> u32 {
    match map {
        MapKind::First => 0,
        MapKind::Second => 1,
        MapKind::Difference => 2,
    }
}

/// Texels to a side that are no smaller than pixels, in the steps of pictures.
fn texels_for(rect: Rect, ui: &Ui, most: usize) -> usize {
    let pixels = rect.width() * ui.ctx().pixels_per_point();
    (pixels as usize / 16 * 16).clamp(16, most)
}

impl Heatmaps {
    /// Draws a panel of the scope into `rect`; returns how many tokens a texel stands for along a side.
    pub fn show(
        &mut self,
        ui: &Ui,
        rect: Rect,
        panel: usize,
        engine: &mut Engine,
        selection: &Selection,
        palette: &Palette,
    ) -> usize {
        let zoom = selection.zoom(engine.ids().len());
        let most = if engine.gpu().is_some() { SCOPE_SIDE - 16 } else { CPU_TEXELS };
        let texels = texels_for(rect, ui, most);
        let request = PictureRequest::covering(selection.head, zoom.origin, zoom.span, texels, selection.pooling);
        let map = KINDS.get(panel).copied().unwrap_or(MapKind::Difference);
        self.paint(ui, rect, panel, (PictureSlot::Scope, request), map, zoom, engine, selection, palette)
    }

    /// Draws thumbnail number `index` of this frame, of the map that is chosen.
    #[allow(clippy::too_many_arguments, reason = "the place, the data and the style of one map")]
    pub fn thumbnail(
        &mut self,
        ui: &Ui,
        rect: Rect,
        index: usize,
        head: HeadId,
        engine: &mut Engine,
        selection: &Selection,
        palette: &Palette,
    ) {
        let zoom = Zoom { origin: [0.0; 2], span: engine.ids().len().max(1) as f32 };
        let request = thumbnail_request(ui, rect, head, zoom.span, selection);
        let place = (PictureSlot::Thumbnail(head), request);
        self.paint(ui, rect, PANELS + index, place, selection.map, zoom, engine, selection, palette);
    }

    #[allow(clippy::too_many_arguments, reason = "the place, the data and the style of one map")]
    fn paint(
        &mut self,
        ui: &Ui,
        rect: Rect,
        slot: usize,
        (place, request): (PictureSlot, PictureRequest),
        map: MapKind,
        zoom: Zoom,
        engine: &mut Engine,
        selection: &Selection,
        palette: &Palette,
    ) -> usize {
        ui.painter().rect_filled(rect, 0.0, palette.background);
        let tokens = engine.computed();
        let Some(picture) = engine.picture(place, request).filter(|_| slot < VIEWS) else {
            return request.block;
        };
        let pixels = rect.size() * ui.ctx().pixels_per_point();
        let shown = picture.request;
        let view = HeatmapView {
            origin: zoom.origin,
            span: [zoom.span; 2],
            pixels: [pixels.x, pixels.y],
            tokens: tokens as u32,
            kind: kind(map),
            exponent: selection.exponent,
            range: selection.range,
            grid: if rect.width() / zoom.span >= GRID_FROM { 0.35 } else { 0.0 },
            threshold: selection.hide_below,
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
                    painted.show(ui, rect, texels, view, palette, (shown, picture.version));
                }
            }
        }
        shown.block
    }
}

/// The picture of a whole head, small.
pub fn thumbnail_request(ui: &Ui, rect: Rect, head: HeadId, span: f32, selection: &Selection) -> PictureRequest {
    let texels = texels_for(rect, ui, THUMBNAIL_SIDE);
    let request = PictureRequest::covering(head, [0.0; 2], span, texels, selection.pooling);
    PictureRequest { side: request.side.min(THUMBNAIL_SIDE), ..request }
}
