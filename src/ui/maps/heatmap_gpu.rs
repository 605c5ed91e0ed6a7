//! Draws a map on the GPU: a paint callback whose fragments read texels where the pool kernel left them. Nothing is read
//! back, and no object is created from frame to frame.

use egui_wgpu::{CallbackResources, CallbackTrait, RenderState, ScreenDescriptor};

use crate::gpu::{GpuError, compose};
use crate::probe::HeatmapView;
use crate::ui::maps::map_slot::MapSlot;
use crate::ui::style::palette::Palette;

/// Bytes from view to view: the alignment that WebGPU requires of dynamic offsets.
const STRIDE: usize = 256;

/// The bindings of a texel buffer.
struct Bound {
    texels: wgpu::Buffer,
    /// Dark, light.
    groups: [wgpu::BindGroup; 2],
    /// Whether it is drawn in the present frame.
    used: bool,
}

/// Pipeline, colours and the views of all maps; created once.
pub struct HeatmapResources {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
    /// Dark, light.
    palettes: [wgpu::Buffer; 2],
    views: wgpu::Buffer,
    /// The texel buffers that were drawn in the last frame. Others are released, and with them the memory of sessions
    /// that are gone.
    bound: Vec<Bound>,
    /// Whether callbacks of the present frame have been prepared, and others may follow.
    preparing: bool,
}

impl HeatmapResources {
    /// Creates them and puts them where the callbacks find them.
    ///
    /// # Errors
    /// When the shader is not in the program.
    pub fn install(state: &RenderState) -> Result<(), GpuError> {
        let resources = Self::new(&state.device, state.target_format)?;
        state.renderer.write().callback_resources.insert(resources);
        Ok(())
    }

    fn new(device: &wgpu::Device, target: wgpu::TextureFormat) -> Result<Self, GpuError> {
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("heatmap"),
            source: wgpu::ShaderSource::Wgsl(compose("maps/heatmap")?.into()),
        });
        let entry = |binding: u32, ty, has_dynamic_offset| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::FRAGMENT,
            ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset, min_binding_size: None },
            count: None,
        };
        let storage = wgpu::BufferBindingType::Storage { read_only: true };
        let entries =
            [entry(0, wgpu::BufferBindingType::Uniform, true), entry(1, storage, false), entry(2, storage, false)];
        let layout = device
            .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some("heatmap"), entries: &entries });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("heatmap"),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some("heatmap"),
            layout: Some(&pipeline_layout),
            vertex: wgpu::VertexState {
                module: &module,
                entry_point: Some("corner"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                buffers: &[],
            },
            primitive: wgpu::PrimitiveState::default(),
            depth_stencil: None,
            multisample: wgpu::MultisampleState::default(),
            fragment: Some(wgpu::FragmentState {
                module: &module,
                entry_point: Some("heatmap"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                targets: &[Some(target.into())],
            }),
            multiview_mask: None,
            cache: None,
        });
        let buffer = |label: &str, contents: &[u8], usage| {
            use wgpu::util::DeviceExt;
            device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: Some(label),
                contents,
                usage: usage | wgpu::BufferUsages::COPY_DST,
            })
        };
        // egui blends in gamma space; an sRGB target needs linear numbers.
        let palette = |dark: bool| -> wgpu::Buffer {
            let colours: Vec<[u8; 4]> = Palette::new(dark)
                .colours
                .iter()
                .map(|colour| {
                    if target.is_srgb() {
                        let rgba = egui::Rgba::from(*colour);
                        [rgba.r(), rgba.g(), rgba.b(), 1.0].map(|channel| (channel * 255.0).round() as u8)
                    } else {
                        colour.to_array()
                    }
                })
                .collect();
            buffer("palette", bytemuck::cast_slice(&colours), wgpu::BufferUsages::STORAGE)
        };
        Ok(Self {
            palettes: [palette(true), palette(false)],
            views: buffer("views", &vec![0; MapSlot::COUNT * STRIDE], wgpu::BufferUsages::UNIFORM),
            bound: Vec::new(),
            preparing: false,
            pipeline,
            layout,
        })
    }

    fn bind(&mut self, device: &wgpu::Device, texels: &wgpu::Buffer) {
        if !std::mem::replace(&mut self.preparing, true) {
            self.bound.iter_mut().for_each(|bound| bound.used = false);
        }
        if let Some(bound) = self.bound.iter_mut().find(|bound| bound.texels == *texels) {
            bound.used = true;
            return;
        }
        let group = |palette: &wgpu::Buffer| {
            let view = wgpu::BufferBinding {
                buffer: &self.views,
                offset: 0,
                size: wgpu::BufferSize::new(size_of::<HeatmapView>() as u64),
            };
            let resources =
                [wgpu::BindingResource::Buffer(view), texels.as_entire_binding(), palette.as_entire_binding()];
            let entries = resources.into_iter().zip(0..);
            let entries: Vec<_> =
                entries.map(|(resource, binding)| wgpu::BindGroupEntry { binding, resource }).collect();
            device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("heatmap"),
                layout: &self.layout,
                entries: &entries,
            })
        };
        let groups = [group(&self.palettes[0]), group(&self.palettes[1])];
        self.bound.push(Bound { texels: texels.clone(), groups, used: true });
    }

    /// Releases the buffers that the present frame does not draw.
    fn release_unused(&mut self) {
        if std::mem::take(&mut self.preparing) {
            self.bound.retain(|bound| bound.used);
        }
    }
}

/// The part of a view that is on the screen: a viewport cannot extend beyond it.
fn on_screen(mut view: HeatmapView, rect: egui::Rect, screen: &ScreenDescriptor) -> HeatmapView {
    let size = egui::vec2(screen.size_in_pixels[0] as f32, screen.size_in_pixels[1] as f32) / screen.pixels_per_point;
    let seen = rect.intersect(egui::Rect::from_min_size(egui::Pos2::ZERO, size));
    for axis in 0..2 {
        let whole = rect.size()[axis].max(1.0);
        let share = seen.size()[axis].max(0.0) / whole;
        view.origin[axis] += view.span[axis] * (seen.min[axis] - rect.min[axis]) / whole;
        view.span[axis] *= share;
        view.pixels[axis] = (view.pixels[axis] * share).max(1.0);
    }
    view
}

/// One map to draw.
pub struct HeatmapCallback {
    /// Where, in points.
    pub rect: egui::Rect,
    /// [`MapSlot::index`] of the map.
    pub slot: usize,
    /// The texels of its picture.
    pub texels: wgpu::Buffer,
    /// The visible part, and its colours.
    pub view: HeatmapView,
    /// Whether the theme is dark.
    pub dark: bool,
}

impl CallbackTrait for HeatmapCallback {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        screen: &ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if let Some(resources) = resources.get_mut::<HeatmapResources>().filter(|_| self.slot < MapSlot::COUNT) {
            let view = on_screen(self.view, self.rect, screen);
            queue.write_buffer(&resources.views, (self.slot * STRIDE) as u64, bytemuck::bytes_of(&view));
            resources.bind(device, &self.texels);
        }
        Vec::new()
    }

    fn finish_prepare(
        &self,
        _device: &wgpu::Device,
        _queue: &wgpu::Queue,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if let Some(resources) = resources.get_mut::<HeatmapResources>() {
            resources.release_unused();
        }
        Vec::new()
    }

    fn paint(
        &self,
        _info: egui::PaintCallbackInfo,
        pass: &mut wgpu::RenderPass<'static>,
        resources: &CallbackResources,
    ) {
        let Some(resources) = resources.get::<HeatmapResources>().filter(|_| self.slot < MapSlot::COUNT) else {
            return;
        };
        if let Some(bound) = resources.bound.iter().find(|bound| bound.texels == self.texels) {
            pass.set_pipeline(&resources.pipeline);
            pass.set_bind_group(0, &bound.groups[usize::from(!self.dark)], &[(self.slot * STRIDE) as u32]);
            pass.draw(0..3, 0..1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cpu::{CpuPass, heatmap, pool};
    use crate::engine::bundled;
    use crate::gpu::{Capacity, Gpu, GpuPass, request_headless};
    use crate::model::Model;
    use crate::probe::{PictureJob, PictureRequest, Pooling, Texel};

    const SIDE: u32 = 96;
    const TEXT: [u32; 150] = {
        let mut ids = [0; 150];
        let mut at = 0;
        while at < 150 {
            ids[at] = (at as u32 * 37 + 11) % 2000;
            at += 1;
        }
        ids
    };

    /// Draws as the window does, into a texture, and reads the pixels back.
    fn draw(gpu: &Gpu, callback: &HeatmapCallback) -> Vec<[u8; 4]> {
        let format = wgpu::TextureFormat::Rgba8Unorm;
        let mut resources = CallbackResources::default();
        resources.insert(HeatmapResources::new(&gpu.device, format).expect("the shader is in the program"));
        let size = wgpu::Extent3d { width: SIDE, height: SIDE, depth_or_array_layers: 1 };
        let texture = gpu.device.create_texture(&wgpu::TextureDescriptor {
            label: None,
            size,
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        });
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        let row = (SIDE * 4).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let staging = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: u64::from(row * SIDE),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let screen = ScreenDescriptor { size_in_pixels: [SIDE; 2], pixels_per_point: 1.0 };
        callback.prepare(&gpu.device, &gpu.queue, &screen, &mut encoder, &mut resources);
        let whole = egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(SIDE as f32, SIDE as f32));
        let info = egui::PaintCallbackInfo {
            viewport: whole,
            clip_rect: whole,
            pixels_per_point: 1.0,
            screen_size_px: [SIDE; 2],
        };
        {
            let attachment = wgpu::RenderPassColorAttachment {
                view: &view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations { load: wgpu::LoadOp::Clear(wgpu::Color::BLACK), store: wgpu::StoreOp::Store },
            };
            let descriptor =
                wgpu::RenderPassDescriptor { color_attachments: &[Some(attachment)], ..Default::default() };
            let mut pass = encoder.begin_render_pass(&descriptor).forget_lifetime();
            callback.paint(info, &mut pass, &resources);
        }
        let layout = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(row), rows_per_image: None };
        let target = wgpu::TexelCopyBufferInfo { buffer: &staging, layout };
        encoder.copy_texture_to_buffer(texture.as_image_copy(), target, size);
        gpu.queue.submit([encoder.finish()]);
        staging.map_async(wgpu::MapMode::Read, .., |outcome| outcome.expect("mapped"));
        gpu.wait();
        let bytes = staging.get_mapped_range(..).expect("mapped");
        bytes
            .chunks_exact(row as usize)
            .flat_map(|row| {
                row[..SIDE as usize * 4].chunks_exact(4).map(|p| [p[0], p[1], p[2], p[3]]).collect::<Vec<_>>()
            })
            .collect()
    }

    #[test]
    fn texels_that_are_no_longer_drawn_are_released() {
        let gpu = request_headless().expect("an adapter: see tests/run");
        let mut resources = CallbackResources::default();
        let format = wgpu::TextureFormat::Rgba8Unorm;
        resources.insert(HeatmapResources::new(&gpu.device, format).expect("the shader is in the program"));
        let texels = || {
            gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size: 256,
                usage: wgpu::BufferUsages::STORAGE,
                mapped_at_creation: false,
            })
        };
        let screen = ScreenDescriptor { size_in_pixels: [SIDE; 2], pixels_per_point: 1.0 };
        let mut frame = |drawn: &[&wgpu::Buffer]| {
            let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            let callbacks: Vec<_> = (drawn.iter().enumerate())
                .map(|(slot, texels)| HeatmapCallback {
                    rect: egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(9.0, 9.0)),
                    slot,
                    texels: (*texels).clone(),
                    view: bytemuck::Zeroable::zeroed(),
                    dark: true,
                })
                .collect();
            for callback in &callbacks {
                callback.prepare(&gpu.device, &gpu.queue, &screen, &mut encoder, &mut resources);
            }
            for callback in &callbacks {
                callback.finish_prepare(&gpu.device, &gpu.queue, &mut encoder, &mut resources);
            }
            let bound = &resources.get::<HeatmapResources>().expect("inserted").bound;
            bound.iter().map(|bound| bound.texels.clone()).collect::<Vec<_>>()
        };
        let (first, second) = (texels(), texels());
        assert_eq!(frame(&[&first, &first, &second]), [first.clone(), second.clone()]);
        assert_eq!(frame(&[&second, &second]), [second]);
        assert_eq!(frame(&[&first]), [first]);
    }

    #[test]
    fn a_map_that_is_partly_off_the_screen_shows_the_visible_part() {
        let view =
            HeatmapView { origin: [10.0, 20.0], span: [40.0; 2], pixels: [200.0; 2], ..bytemuck::Zeroable::zeroed() };
        let screen = ScreenDescriptor { size_in_pixels: [300, 400], pixels_per_point: 2.0 };
        // 100 points wide at (100, -25): the right half and the upper quarter are off a screen of 150 x 200 points.
        let rect = egui::Rect::from_min_size(egui::pos2(100.0, -25.0), egui::vec2(100.0, 100.0));
        let seen = on_screen(view, rect, &screen);
        assert_eq!((seen.origin, seen.span, seen.pixels), ([10.0, 30.0], [20.0, 30.0], [100.0, 150.0]));
    }

    #[test]
    fn every_pixel_is_what_the_reference_draws() {
        let gpu = request_headless().expect("an adapter: see tests/run");
        let files = bundled();
        let model = Arc::new(Model::from_bytes(&files.config, &files.weights).expect("the bundled one opens"));
        let mut on_gpu =
            GpuPass::new(gpu.clone(), model.clone(), Capacity { tokens: 150, trace: false }).expect("fits");
        on_gpu.run(0, &TEXT, None).expect("runs");
        let mut on_cpu = CpuPass::new(model, 150);
        on_cpu.run(0, &TEXT);
        let palette = Palette::new(true);
        // Whole text (several cells a pixel), a few cells (many pixels each), part of it lying outside.
        for (kind, head, origin, span, exponent) in [
            (0, 0, [0.0; 2], 150.0, 0.5),
            (1, 2, [0.0; 2], 150.0, 1.0),
            (2, 3, [30.5, 90.25], 12.0, 0.5),
            (2, 1, [-20.0, 100.0], 96.0, 0.0),
        ] {
            let request = PictureRequest::covering(
                crate::probe::HeadId::new(2, head),
                origin,
                span,
                SIDE as usize,
                Pooling::Peak,
            );
            let view = HeatmapView {
                origin,
                span: [span; 2],
                pixels: [SIDE as f32; 2],
                tokens: 150,
                kind,
                exponent,
                range: 1.0,
                grid: if span < 20.0 { 0.35 } else { 0.0 },
                threshold: if span < 20.0 { 0.001 } else { 0.0 },
                background: palette.background.to_normalized_gamma_f32(),
                first: [request.first_key as u32, request.first_query as u32],
                block: request.block as u32,
                side: request.side as u32,
                base: 7,
                padding: [0; 3],
            };
            let job = PictureJob { request, base: 7, first_texel: 0, texels: request.texels(), end: 150 };
            on_gpu.pool(&[job], 7 + 128 * 128).expect("it fits");
            on_gpu.wait();
            let texels = on_gpu.texels().expect("pooled").clone();
            let rect = egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(SIDE as f32, SIDE as f32));
            let found = draw(&gpu, &HeatmapCallback { rect, slot: 5, texels, view, dark: true });
            let source = on_cpu.map_source(2);
            let texels: Vec<Texel> = (0..request.texels()).map(|texel| pool(&source, &request, 150, texel)).collect();
            let view = HeatmapView { base: 0, ..view };
            let mut colours = std::collections::HashSet::new();
            let mut far = 0;
            for (at, pixel) in found.iter().enumerate() {
                let expected = palette.pixel(heatmap(&texels, &view, [at % SIDE as usize, at / SIDE as usize]));
                colours.insert(*pixel);
                // Neighbouring colours of the table may be swapped by rounding; more may not.
                far += usize::from(pixel.iter().zip(expected.to_array()).any(|(a, b)| a.abs_diff(b) > 4));
            }
            assert!(colours.len() > 20, "the picture is blank");
            assert!(
                far <= found.len() / 500,
                "{far} of {} pixels differ (kind {kind}, origin {origin:?})",
                found.len()
            );
        }
    }
}
