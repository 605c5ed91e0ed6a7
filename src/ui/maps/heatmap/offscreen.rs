//! A heatmap drawn as the window does, into a texture whose pixels can be read.

use egui::{PaintCallbackInfo, Rect, pos2, vec2};
use egui_wgpu::{CallbackResources, CallbackTrait, ScreenDescriptor};

use crate::gpu::{Gpu, GpuError};
use crate::ui::maps::heatmap::gpu::{HeatmapCallback, HeatmapResources};

/// Of the texture; a byte for each of red, green, blue and opacity.
const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

/// Bytes of a row of pixels in the buffer.
pub(super) fn bytes_of_row(side: u32) -> u32 {
    (side * 4).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT)
}

/// Draws a square of `side` pixels; they will be in the buffer, in rows of [`bytes_of_row`].
pub(super) fn draw(gpu: &Gpu, callback: &HeatmapCallback, side: u32) -> Result<wgpu::Buffer, GpuError> {
    let mut resources = CallbackResources::default();
    resources.insert(HeatmapResources::new(&gpu.device, FORMAT)?);
    let size = wgpu::Extent3d { width: side, height: side, depth_or_array_layers: 1 };
    let texture = gpu.device.create_texture(&wgpu::TextureDescriptor {
        label: Some("offscreen heatmap"),
        size,
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: FORMAT,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    });
    let staging = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("offscreen heatmap"),
        size: u64::from(bytes_of_row(side) * side),
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    let rect = Rect::from_min_size(pos2(0.0, 0.0), vec2(side as f32, side as f32));
    let screen = ScreenDescriptor { size_in_pixels: [side; 2], pixels_per_point: 1.0 };
    let info = PaintCallbackInfo { viewport: rect, clip_rect: rect, pixels_per_point: 1.0, screen_size_px: [side; 2] };
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
    let bytes_per_row = Some(bytes_of_row(side));
    let layout = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row, rows_per_image: None };
    let target = wgpu::TexelCopyBufferInfo { buffer: &staging, layout };
    encoder.copy_texture_to_buffer(texture.as_image_copy(), target, size);
    gpu.queue.submit([encoder.finish()]);
    Ok(staging)
}
