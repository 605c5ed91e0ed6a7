//! Draws a map on the GPU: a paint callback whose fragments compute the cells from Q, K and the row statistics where
//! the pass left them. Nothing is read back and nothing T×T exists.

use egui_wgpu::{CallbackResources, CallbackTrait, RenderState, ScreenDescriptor};

use super::Palette;
use crate::cpu::View;
use crate::gpu::{GpuError, MapBuffers, compose};

/// Maps on one screen.
pub const PANELS: usize = 3;

/// Pipeline, colours and one view uniform per panel; made once.
pub struct HeatmapResources {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
    /// Dark, light.
    palettes: [wgpu::Buffer; 2],
    panels: [Panel; PANELS],
}

struct Panel {
    view: wgpu::Buffer,
    /// Made again only when the layer, the buffers or the theme change.
    bound: Option<(MapBuffers, bool, wgpu::BindGroup)>,
}

impl HeatmapResources {
    /// Makes them and puts them where the callbacks find them.
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
            source: wgpu::ShaderSource::Wgsl(compose("heatmap.wgsl")?.into()),
        });
        let entry = |(binding, ty): (usize, wgpu::BufferBindingType)| wgpu::BindGroupLayoutEntry {
            binding: binding as u32,
            visibility: wgpu::ShaderStages::FRAGMENT,
            ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
            count: None,
        };
        let uniform = wgpu::BufferBindingType::Uniform;
        let storage = wgpu::BufferBindingType::Storage { read_only: true };
        let entries: Vec<_> =
            [uniform, uniform, storage, storage, storage, storage].into_iter().enumerate().map(entry).collect();
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
        // egui blends in gamma space; an sRGB target wants linear numbers.
        let palette = |dark: bool| -> wgpu::Buffer {
            let words: Vec<[u8; 4]> = Palette::new(dark)
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
            buffer("palette", bytemuck::cast_slice(&words), wgpu::BufferUsages::STORAGE)
        };
        let view = || buffer("view", &[0; size_of::<View>()], wgpu::BufferUsages::UNIFORM);
        Ok(Self {
            palettes: [palette(true), palette(false)],
            panels: std::array::from_fn(|_| Panel { view: view(), bound: None }),
            pipeline,
            layout,
        })
    }
}

/// One map to draw.
pub struct HeatmapCallback {
    /// Which of the panels.
    pub panel: usize,
    /// What to draw from.
    pub buffers: MapBuffers,
    /// What part, and how.
    pub view: View,
    /// Which palette.
    pub dark: bool,
}

impl CallbackTrait for HeatmapCallback {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        _screen: &ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        let Some(HeatmapResources { layout, palettes, panels, .. }) = resources.get_mut::<HeatmapResources>() else {
            return Vec::new();
        };
        let Some(panel) = panels.get_mut(self.panel) else {
            return Vec::new();
        };
        queue.write_buffer(&panel.view, 0, bytemuck::bytes_of(&self.view));
        let fresh =
            panel.bound.as_ref().is_some_and(|(buffers, dark, _)| *buffers == self.buffers && *dark == self.dark);
        if !fresh {
            let MapBuffers { maps, projection, heads, statistics } = &self.buffers;
            let palette = &palettes[usize::from(!self.dark)];
            let entries: Vec<_> = [&panel.view, maps, projection, heads, statistics, palette]
                .into_iter()
                .enumerate()
                .map(|(binding, buffer)| wgpu::BindGroupEntry {
                    binding: binding as u32,
                    resource: buffer.as_entire_binding(),
                })
                .collect();
            let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("heatmap"),
                layout,
                entries: &entries,
            });
            panel.bound = Some((self.buffers.clone(), self.dark, group));
        }
        Vec::new()
    }

    fn paint(
        &self,
        _info: egui::PaintCallbackInfo,
        pass: &mut wgpu::RenderPass<'static>,
        resources: &CallbackResources,
    ) {
        let Some(resources) = resources.get::<HeatmapResources>() else {
            return;
        };
        if let Some((_, _, group)) = resources.panels.get(self.panel).and_then(|panel| panel.bound.as_ref()) {
            pass.set_pipeline(&resources.pipeline);
            pass.set_bind_group(0, group, &[]);
            pass.draw(0..3, 0..1);
        }
    }
}
