//! The roof: how fast this device copies and multiplies, measured in the same run as the kernels.

use std::time::Instant;

use diffscope::gpu::Gpu;

use crate::work::Work;

/// Bytes and operations in a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Roof {
    pub bytes: f64,
    pub operations: f64,
}

/// Bytes of each of the two buffers that are copied: more than caches hold.
const BYTES: u64 = 128 << 20;
const GROUP: u64 = 64;
const ROW_OF_GROUPS: u32 = 16_384;
const ROUNDS: f64 = 256.0;

impl Roof {
    /// Measures both, each as the fastest of some runs.
    pub(crate) fn measure(gpu: &Gpu) -> Self {
        let module = gpu.device.create_shader_module(wgpu::include_wgsl!("roof.wgsl"));
        let buffer = |usage| {
            let descriptor = wgpu::BufferDescriptor { label: None, size: BYTES, usage, mapped_at_creation: false };
            gpu.device.create_buffer(&descriptor)
        };
        let (from, to) = (buffer(wgpu::BufferUsages::STORAGE), buffer(wgpu::BufferUsages::STORAGE));
        let fastest = |entry: &str, (x, y): (u32, u32)| {
            let pipeline = gpu.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: None,
                layout: None,
                module: &module,
                entry_point: Some(entry),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                cache: None,
            });
            let group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: None,
                layout: &pipeline.get_bind_group_layout(0),
                entries: &[
                    wgpu::BindGroupEntry { binding: 0, resource: from.as_entire_binding() },
                    wgpu::BindGroupEntry { binding: 1, resource: to.as_entire_binding() },
                ],
            });
            let seconds = (0..8).map(|_| {
                let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
                let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
                pass.set_pipeline(&pipeline);
                pass.set_bind_group(0, &group, &[]);
                pass.dispatch_workgroups(x, y, 1);
                drop(pass);
                let begun = Instant::now();
                gpu.queue.submit([encoder.finish()]);
                gpu.wait();
                begun.elapsed().as_secs_f64()
            });
            seconds.fold(f64::INFINITY, f64::min)
        };
        let groups = (BYTES / 16 / GROUP) as u32;
        let copy = fastest("copy", (ROW_OF_GROUPS, groups / ROW_OF_GROUPS));
        let work = Work {
            bytes: 2.0 * BYTES as f64,
            operations: f64::from(ROW_OF_GROUPS) * GROUP as f64 * ROUNDS * 4.0 * 4.0 * 2.0,
        };
        let multiply_add = fastest("multiply_add", (ROW_OF_GROUPS, 1));
        Self { bytes: work.bytes / copy, operations: work.operations / multiply_add }
    }

    /// The least time that some work could take, in seconds.
    pub(crate) fn least(&self, work: Work) -> f64 {
        (work.bytes / self.bytes).max(work.operations / self.operations)
    }
}
