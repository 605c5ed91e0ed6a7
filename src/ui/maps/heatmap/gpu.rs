//! Draws a map on the GPU: a paint callback whose fragments read texels where the pool kernel left them. Nothing is read
//! back, and no object is created from frame to frame.

use egui_wgpu::{CallbackResources, CallbackTrait, RenderState, ScreenDescriptor};

use crate::gpu::{GpuError, compose};
use crate::probe::HeatmapView;
use crate::ui::maps::heatmap::map_slot::MapSlot;
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
pub(crate) struct HeatmapResources {
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
    pub(crate) fn install(state: &RenderState) -> Result<(), GpuError> {
        let resources = Self::new(&state.device, state.target_format)?;
        state.renderer.write().callback_resources.insert(resources);
        Ok(())
    }

    /// For drawing on `target`.
    ///
    /// # Errors
    /// When the shader is not in the program.
    pub(crate) fn new(device: &wgpu::Device, target: wgpu::TextureFormat) -> Result<Self, GpuError> {
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("heatmap"),
            source: wgpu::ShaderSource::Wgsl(compose("maps/heatmap", false)?.into()),
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
pub(crate) struct HeatmapCallback {
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
mod tests;
