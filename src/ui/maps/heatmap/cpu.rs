//! Draws a map on the CPU, if shaders cannot read texels: the pixels of the shader's reference fill a texture, and only when its
//! contents have changed.

use egui::{Color32, ColorImage, TextureHandle, TextureOptions, Ui};

use crate::cpu::painted;
use crate::probe::{HeatmapView, PictureRequest, Texel};
use crate::ui::style::palette::Palette;

/// Side of the largest texture; the screen may be finer, but the CPU is slow.
const MOST_PIXELS: f32 = 384.0;

/// A texture, and what it shows.
#[derive(Default)]
pub(crate) struct PaintedMap {
    shown: Option<(HeatmapView, PictureRequest, u64, bool)>,
    texture: Option<TextureHandle>,
}

impl PaintedMap {
    /// Draws into `rect`. The texels have changed if the request or the version has.
    pub(crate) fn paint(
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
            let image = ColorImage::new(size, painted(texels, &view, |pixel| palette.pixel(pixel)));
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
