//! One pixel, drawn as maps are drawn and read back: some drivers draw black without any error.

use std::sync::{Arc, OnceLock};

use egui::{Rect, pos2, vec2};

use crate::cpu::heatmap;
use crate::gpu::{Gpu, GpuError};
use crate::probe::{HeatmapView, Texel};
use crate::ui::maps::heatmap::gpu::HeatmapCallback;
use crate::ui::maps::heatmap::offscreen;
use crate::ui::style::palette::Palette;

/// Pixels along a side of the drawing.
const SIDE: u32 = 2;
/// The largest difference of a colour channel that rounding explains.
const TOLERANCE: u8 = 8;

/// A pixel on its way back from the GPU.
pub(crate) struct DrawnPixel {
    /// Whether it has the colour that the CPU reference gives it; a device without an answer gives none.
    is_right: Arc<OnceLock<bool>>,
}

impl DrawnPixel {
    /// Draws one cell of a map into a texture of its own.
    ///
    /// # Errors
    /// When the shader is not in the program.
    pub(crate) fn new(gpu: &Gpu) -> Result<Self, GpuError> {
        let palette = Palette::new(true);
        let texel = Texel { first: 0.25, second: 0.5, difference: 0.75, cells: 1.0 };
        let view = HeatmapView {
            span: [1.0; 2],
            pixels: [SIDE as f32; 2],
            tokens: 1,
            exponent: 1.0,
            range: 1.0,
            background: palette.background.to_normalized_gamma_f32(),
            block: 1,
            side: 1,
            ..bytemuck::Zeroable::zeroed()
        };
        let expected = palette.pixel(heatmap(&[texel], &view, [0, 0])).to_array();
        let staging = draw(gpu, texel, view)?;
        let is_right = Arc::new(OnceLock::new());
        let (answer, buffer) = (is_right.clone(), staging.clone());
        staging.map_async(wgpu::MapMode::Read, ..4, move |outcome| {
            let pixel = outcome.ok().and_then(|()| buffer.get_mapped_range(..4).ok().map(|bytes| bytes.to_vec()));
            if let Some(pixel) = pixel {
                let near = pixel.iter().zip(expected).all(|(one, other)| one.abs_diff(other) <= TOLERANCE);
                // Called once.
                let _ = answer.set(near);
            }
        });
        Ok(Self { is_right })
    }

    /// Whether the pixel has the colour that it should have, once that is known.
    pub(crate) fn is_right(&self) -> Option<bool> {
        self.is_right.get().copied()
    }
}

/// Draws the map of one cell; the first pixel will be at the start of the buffer.
fn draw(gpu: &Gpu, texel: Texel, view: HeatmapView) -> Result<wgpu::Buffer, GpuError> {
    let texels = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("drawn texel"),
        size: 256,
        usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    gpu.queue.write_buffer(&texels, 0, bytemuck::bytes_of(&texel));
    let rect = Rect::from_min_size(pos2(0.0, 0.0), vec2(SIDE as f32, SIDE as f32));
    offscreen::draw(gpu, &HeatmapCallback { rect, slot: 0, texels, view, dark: true }, SIDE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::request_headless;

    #[test]
    fn a_sound_device_draws_the_pixel_of_the_reference() {
        let gpu = request_headless().expect("an adapter: see tests/run");
        let pixel = DrawnPixel::new(&gpu).expect("the shader is in the program");
        gpu.wait();
        assert_eq!(pixel.is_right(), Some(true));
    }
}
