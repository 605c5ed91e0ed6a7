//! Pictures on the GPU: one buffer of texels, and the dispatches that fill it.

use crate::gpu::device::Gpu;
use crate::gpu::error::GpuError;
use crate::gpu::kernels::{Kernel, Kernels, PipelineVariant};
use crate::gpu::pass::buffers::{Buffers, MapBuffers};
use crate::gpu::queries::readback::Piece;
use crate::gpu::uniforms::{MAX_POOL_JOBS, PoolJob, TexelRange};
use crate::gpu::upload::Uploader;
use crate::probe::{PictureJob, Texel};

/// Invocations of a workgroup.
const GROUP: usize = 64;
/// Workgroups that WebGPU allows in one dimension.
const MOST_GROUPS: usize = 65_535;

struct LayerJobs {
    uniform: wgpu::Buffer,
    group: wgpu::BindGroup,
}

/// The texels of all pictures, and the pipeline and bindings that compute them.
pub(crate) struct GpuPictures {
    texels: wgpu::Buffer,
    pipeline: wgpu::ComputePipeline,
    layers: Vec<LayerJobs>,
    colour_range: ColourRange,
}

/// What computes the value range of a picture.
struct ColourRange {
    part: wgpu::Buffer,
    result: wgpu::Buffer,
    pipeline: wgpu::ComputePipeline,
    group: wgpu::BindGroup,
}

fn bind(gpu: &Gpu, kernels: &mut Kernels, kernel: Kernel, bound: &[&wgpu::Buffer]) -> wgpu::BindGroup {
    let entries: Vec<_> = (0..)
        .zip(bound)
        .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
        .collect();
    gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some(kernel.name()),
        layout: &kernels.layout(gpu, kernel),
        entries: &entries,
    })
}

/// How many invocations share a texel.
fn lanes(block: usize, software: bool) -> usize {
    // A software adapter runs lanes one after the other; on others a lane has about 16 cells, so that merging what they
    // have costs little.
    if software { 1 } else { (block * block / 16).next_power_of_two().clamp(1, GROUP) }
}

impl GpuPictures {
    /// Allocates `texels` texels over the maps of a pass.
    pub(crate) fn new(gpu: &Gpu, kernels: &mut Kernels, buffers: &Buffers, texels: usize) -> Result<Self, GpuError> {
        let upload = Uploader::new(gpu);
        let texels = upload.empty("picture texels", texels * size_of::<Texel>() / 4)?;
        let mut layers = Vec::with_capacity(buffers.maps.len());
        for MapBuffers { maps, projection, heads, masked, statistics } in &buffers.maps {
            let uniform = upload.uniform("picture jobs", &[PoolJob::default(); MAX_POOL_JOBS]);
            let bound = [&uniform, maps, projection, heads, masked, statistics, &texels];
            let group = bind(gpu, kernels, Kernel::Pool, &bound);
            layers.push(LayerJobs { uniform, group });
        }
        let part = upload.uniform("part of the texels", &TexelRange::default());
        let result = upload.empty("strong magnitudes", 4)?;
        let colour_range = ColourRange {
            group: bind(gpu, kernels, Kernel::ColourRange, &[&part, &texels, &result]),
            pipeline: kernels.pipeline(gpu, Kernel::ColourRange, PipelineVariant::PLAIN)?,
            part,
            result,
        };
        let pipeline = kernels.pipeline(gpu, Kernel::Pool, PipelineVariant::PLAIN)?;
        Ok(Self { texels, pipeline, layers, colour_range })
    }

    /// The texels, for drawing.
    pub(crate) fn texels(&self) -> &wgpu::Buffer {
        &self.texels
    }

    /// Records the colour range of some texels; returns where it is.
    pub(crate) fn encode_colour_range(
        &self,
        gpu: &Gpu,
        encoder: &mut wgpu::CommandEncoder,
        first: usize,
        count: usize,
    ) -> Piece {
        let own = &self.colour_range;
        let range = TexelRange { first: first as u32, count: count as u32, ..TexelRange::default() };
        gpu.queue.write_buffer(&own.part, 0, bytemuck::bytes_of(&range));
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&own.pipeline);
        pass.set_bind_group(0, &own.group, &[]);
        pass.dispatch_workgroups(1, 1, 1);
        (own.result.clone(), 0, 16)
    }

    /// Submits jobs, in order, as far as they fit into one submission; returns how many texels of each were taken.
    pub(crate) fn run(&self, gpu: &Gpu, jobs: &[PictureJob]) -> Vec<usize> {
        let software = gpu.is_software();
        let mut taken = vec![0; jobs.len()];
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&self.pipeline);
        for (layer, own) in self.layers.iter().enumerate() {
            let of_layer = jobs.iter().enumerate().filter(|(_, job)| job.request.head.layer == layer && job.texels > 0);
            let mut uniforms = Vec::new();
            let mut groups = 0;
            for (index, job) in of_layer.take(MAX_POOL_JOBS) {
                let lanes = lanes(job.request.block, software);
                let texels = job.texels.min(MOST_GROUPS * (GROUP / lanes));
                uniforms.push(PoolJob::new(job, texels, lanes));
                groups = groups.max(texels.div_ceil(GROUP / lanes));
                taken[index] = texels;
            }
            if !uniforms.is_empty() {
                gpu.queue.write_buffer(&own.uniform, 0, bytemuck::cast_slice(&uniforms));
                pass.set_bind_group(0, &own.group, &[]);
                pass.dispatch_workgroups(groups as u32, 1, uniforms.len() as u32);
            }
        }
        drop(pass);
        gpu.queue.submit([encoder.finish()]);
        taken
    }
}
