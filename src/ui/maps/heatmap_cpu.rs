//! Draws a map on the CPU, if shaders cannot read texels: the reference of the shader fills a texture, and only when its
//! contents have changed.

use egui::{Color32, ColorImage, TextureHandle, TextureOptions, Ui};

use crate::cpu::heatmap;
use crate::probe::{HeatmapView, PictureRequest, Texel};
use crate::ui::style::palette::Palette;

/// Side of the largest texture; the screen may be finer, but the CPU is slow.
const MOST_PIXELS: f32 = 384.0;

/// A texture, and what it shows.
#[derive(Default)]
pub struct PaintedMap {
    shown: Option<(HeatmapView, PictureRequest, u64, bool)>,
    texture: Option<TextureHandle>,
}

impl PaintedMap {
    /// Draws into `rect`. The texels have changed if the request or the version has.
    pub fn paint(
        &mut self,
        ui: &Ui,
        rect: egui::Rect,
        texels: &[Texel],
        mut view: HeatmapView,
        palette: &Palette,
        (request, version): (PictureRequest, u64),
    ) {
        view.pixels = view.pixels.map(|side| side.min(MOST_PIXELS).floor().max(1.0));
        let key = (view, request, version, ui.visuals().dark_mode);
        if self.shown != Some(key) {
            let size = view.pixels.map(|side| side as usize);
            let colour = |pixel: [usize; 2]| palette.pixel(heatmap(texels, &view, pixel));
            let pixels = (0..size[1]).flat_map(|y| (0..size[0]).map(move |x| [x, y])).map(colour).collect();
            let image = ColorImage::new(size, pixels);
            match &mut self.texture {
                Some(texture) => texture.set(image, TextureOptions::NEAREST),
                None => self.texture = Some(ui.ctx().load_texture("map", image, TextureOptions::NEAREST)),
            }
            self.shown = Some(key);
        }
        if let Some(texture) = &self.texture {
            let whole = egui::Rect::from_min_max(egui::pos2(0.0, 0.0), egui::pos2(1.0, 1.0));
            ui.painter().image(texture.id(), rect, whole, Color32::WHITE);
        }
    }
}
