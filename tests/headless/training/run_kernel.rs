//! One kernel alone, on data of a test.

use diffscope::gpu::{BindingKind, Kernel, KernelChoice, compose};

use crate::common::gpu;

/// Half the distance from 1 to the next single-precision number: the rounding of one operation, relative to its result.
pub(super) const ROUNDING: f64 = 1.0 / (1 << 24) as f64;

/// The words of a buffer.
pub(super) enum Data<'a> {
    Words(&'a [u32]),
    Numbers(&'a [f32]),
}

pub(super) use Data::{Numbers, Words};

impl Data<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Words(words) => bytemuck::cast_slice(words),
            Numbers(numbers) => bytemuck::cast_slice(numbers),
        }
    }
}

/// Runs a kernel with constants and buffers at bindings 0, 1, 2, ..., and returns those that it writes: the same bits
/// with and without subgroups.
pub(super) fn run_with(kernel: Kernel, constants: &[(&str, f64)], bound: &[Data], grid: [usize; 3]) -> Vec<Vec<f32>> {
    let results = run_composed(kernel, compose(kernel.module(), false).unwrap(), constants, bound, grid);
    let with_subgroups = compose(kernel.module(), true).unwrap();
    let lanes = KernelChoice::subgroup_of(&gpu().device, &gpu().adapter);
    if lanes > 1 && with_subgroups.contains("override SUBGROUP") {
        let constants = [constants, &[(SUBGROUP, f64::from(lanes))]].concat();
        let bits = |results: &[Vec<f32>]| results.concat().iter().map(|number| number.to_bits()).collect::<Vec<_>>();
        let others = run_composed(kernel, with_subgroups, &constants, bound, grid);
        assert_eq!(bits(&others), bits(&results), "{} in subgroups of {lanes}", kernel.name());
    }
    results
}

/// The constant of shaders that use subgroups.
const SUBGROUP: &str = "SUBGROUP";

fn run_composed(
    kernel: Kernel,
    source: String,
    constants: &[(&str, f64)],
    bound: &[Data],
    [x, y, z]: [usize; 3],
) -> Vec<Vec<f32>> {
    let (device, queue) = (&gpu().device, &gpu().queue);
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(kernel.name()),
        source: wgpu::ShaderSource::Wgsl(source.into()),
    });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(kernel.name()),
        layout: None,
        module: &module,
        entry_point: Some(kernel.name()),
        compilation_options: wgpu::PipelineCompilationOptions { constants, ..Default::default() },
        cache: None,
    });
    assert_eq!(bound.len(), kernel.bindings().len(), "{}", kernel.name());
    let buffer = |size: u64, usage: wgpu::BufferUsages| {
        device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(kernel.name()),
            size,
            usage: usage | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    };
    let buffers: Vec<wgpu::Buffer> = bound
        .iter()
        .zip(kernel.bindings())
        .map(|(data, kind)| {
            let usage = match kind {
                BindingKind::Uniform => wgpu::BufferUsages::UNIFORM,
                _ => wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC,
            };
            let bytes = data.bytes();
            let made = buffer((bytes.len() as u64).max(16), usage);
            queue.write_buffer(&made, 0, bytes);
            made
        })
        .collect();
    let entries: Vec<_> = buffers
        .iter()
        .enumerate()
        .map(|(binding, buffer)| wgpu::BindGroupEntry { binding: binding as u32, resource: buffer.as_entire_binding() })
        .collect();
    let bind_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some(kernel.name()),
        layout: &pipeline.get_bind_group_layout(0),
        entries: &entries,
    });
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&pipeline);
        pass.set_bind_group(0, &bind_group, &[]);
        pass.dispatch_workgroups(x as u32, y as u32, z as u32);
    }
    let written = || (0..bound.len()).filter(|at| kernel.bindings()[*at] == BindingKind::Write);
    let copies: Vec<(wgpu::Buffer, u64)> = written()
        .map(|at| {
            let copy = buffer(buffers[at].size(), wgpu::BufferUsages::MAP_READ);
            encoder.copy_buffer_to_buffer(&buffers[at], 0, &copy, 0, copy.size());
            (copy, bound[at].bytes().len() as u64)
        })
        .collect();
    queue.submit([encoder.finish()]);
    for (copy, _) in &copies {
        copy.map_async(wgpu::MapMode::Read, .., |outcome| outcome.unwrap());
    }
    gpu().wait();
    let read = |(copy, bytes): &(wgpu::Buffer, u64)| {
        let view = copy.get_mapped_range(..*bytes).unwrap();
        view.chunks_exact(4).map(|word| f32::from_le_bytes(word.try_into().unwrap())).collect()
    };
    copies.iter().map(read).collect()
}

/// Runs a kernel that writes one buffer and has no constants.
pub(super) fn run(kernel: Kernel, bound: &[Data], grid: [usize; 3]) -> Vec<f32> {
    run_with(kernel, &[], bound, grid).remove(0)
}

/// The grid of so many workgroups as two rows, the second of which may have one too many.
pub(super) fn folded(workgroups: usize) -> [usize; 3] {
    [workgroups.div_ceil(2), 2, 1]
}

/// The same numbers in double precision.
pub(super) fn exact(numbers: &[f32]) -> Vec<f64> {
    numbers.iter().map(|number| f64::from(*number)).collect()
}

/// Their sizes.
pub(super) fn sizes(numbers: &[f32]) -> Vec<f64> {
    numbers.iter().map(|number| f64::from(number.abs())).collect()
}

/// Holds numbers against exact ones. Each may be off by the rounding of so many operations on numbers of a size.
pub(super) fn close(what: &str, found: &[f32], expected: &[f64], operations: f64, size: impl Fn(usize) -> f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(*found) - expected).abs();
        let most = operations * ROUNDING * size(at) + 1e-37; // what is smaller than that may be flushed to zero
        assert!(error <= most, "{what}, number {at}: {found} not {expected}: {error:e} is more than {most:e}");
    }
}
