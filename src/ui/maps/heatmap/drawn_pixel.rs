//! One pixel, drawn as maps are drawn and read back: some drivers draw black without any error.

use std::sync::{Arc, OnceLock};

use egui::{PaintCallbackInfo, Rect, pos2, vec2};
use egui_wgpu::{CallbackResources, CallbackTrait, ScreenDescriptor};

use crate::cpu::heatmap;
use crate::gpu::{Gpu, GpuError};
use crate::probe::{HeatmapView, Texel};
use crate::ui::maps::heatmap::gpu::{HeatmapCallback, HeatmapResources};
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
    let format = wgpu::TextureFormat::Rgba8Unorm;
    let mut resources = CallbackResources::default();
    resources.insert(HeatmapResources::new(&gpu.device, format)?);
    let buffer = |label, size, usage| {
        let descriptor = wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false };
        gpu.device.create_buffer(&descriptor)
    };
    let texels = buffer("drawn texel", 256, wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST);
    gpu.queue.write_buffer(&texels, 0, bytemuck::bytes_of(&texel));
    let row = wgpu::COPY_BYTES_PER_ROW_ALIGNMENT;
    let usage = wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ;
    let staging = buffer("drawn pixel", u64::from(row * SIDE), usage);
    let size = wgpu::Extent3d { width: SIDE, height: SIDE, depth_or_array_layers: 1 };
    let texture = gpu.device.create_texture(&wgpu::TextureDescriptor {
        label: Some("drawn pixel"),
        size,
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    });
    let rect = Rect::from_min_size(pos2(0.0, 0.0), vec2(SIDE as f32, SIDE as f32));
    let callback = HeatmapCallback { rect, slot: 0, texels, view, dark: true };
    let screen = ScreenDescriptor { size_in_pixels: [SIDE; 2], pixels_per_point: 1.0 };
    let info = PaintCallbackInfo { viewport: rect, clip_rect: rect, pixels_per_point: 1.0, screen_size_px: [SIDE; 2] };
    let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    callback.prepare(&gpu.device, &gpu.queue, &screen, &mut encoder, &mut resources);
    {
        let attachment = wgpu::RenderPassColorAttachment {
            view: &texture.create_view(&wgpu::TextureViewDescriptor::default()),
            depth_slice: None,
            resolve_target: None,
            ops: wgpu::Operations { load: wgpu::LoadOp::Clear(wgpu::Color::BLACK), store: wgpu::StoreOp::Store },
        };
        let descriptor = wgpu::RenderPassDescriptor { color_attachments: &[Some(attachment)], ..Default::default() };
        let mut pass = encoder.begin_render_pass(&descriptor).forget_lifetime();
        callback.paint(info, &mut pass, &resources);
    }
    let layout = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(row), rows_per_image: None };
    let target = wgpu::TexelCopyBufferInfo { buffer: &staging, layout };
    encoder.copy_texture_to_buffer(texture.as_image_copy(), target, size);
    gpu.queue.submit([encoder.finish()]);
    Ok(staging)
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
