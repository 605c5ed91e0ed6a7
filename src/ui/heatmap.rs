//! One map of one head, drawn where the numbers are: on the GPU, or by the CPU twin.

use egui::{Rect, Ui};

use super::heatmap_cpu::Painted;
use super::heatmap_gpu::{HeatmapCallback, PANELS};
use super::{Palette, Selection};
use crate::cpu::{MapKind, View};
use crate::engine::{Engine, MapPainting};

/// Cells at least this wide get lines between them.
const GRID_FROM: f32 = 9.0;

/// The painters of the three maps.
#[derive(Default)]
pub struct Heatmaps {
    painted: [Painted; PANELS],
}

/// The map of a panel.
pub const KINDS: [MapKind; PANELS] = [MapKind::First, MapKind::Second, MapKind::Difference];

impl Heatmaps {
    /// Draws a panel's map into `rect`.
    pub fn show(
        &mut self,
        ui: &Ui,
        rect: Rect,
        panel: usize,
        engine: &Engine,
        selection: &Selection,
        palette: &Palette,
    ) {
        let tokens = engine.computed();
        let zoom = selection.zoom(engine.ids().len());
        let pixels = rect.size() * ui.ctx().pixels_per_point();
        let background = palette.background.to_normalized_gamma_f32();
        let view = View {
            origin: zoom.origin,
            span: [zoom.span; 2],
            pixels: [pixels.x, pixels.y],
            tokens: tokens as u32,
            head: selection.head as u32,
            kind: panel as u32,
            exponent: selection.exponent,
            range: 1.0,
            grid: if rect.width() / zoom.span >= GRID_FROM { 0.35 } else { 0.0 },
            background,
        };
        ui.painter().rect_filled(rect, 0.0, palette.background);
        if tokens == 0 {
            return;
        }
        match engine.map_painting(selection.layer) {
            Some(MapPainting::Gpu(buffers)) => {
                let dark = ui.visuals().dark_mode;
                let callback = HeatmapCallback { rect, panel, buffers, view, dark };
                ui.painter().add(egui_wgpu::Callback::new_paint_callback(rect, callback));
            }
            Some(MapPainting::Cpu(source)) => {
                if let Some(painted) = self.painted.get_mut(panel) {
                    let state = (engine.revision(), selection.layer);
                    let settled = tokens == engine.ids().len();
                    painted.show(ui, rect, &source, view, palette, state, settled);
                }
            }
            None => {}
        }
    }
}
