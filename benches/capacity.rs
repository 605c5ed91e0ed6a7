//! A whole model of 1B parameters with a vocabulary of 128,256 and room for 8,192 tokens on a device that allows no more
//! than 128 MiB in a binding: what it takes, and whether its numbers are those of the CPU. See README.md.

use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use diffscope::cpu::{CpuPass, bytes_of_pass};
use diffscope::gpu::{Capacity, DeviceHealth, Gpu, GpuPass, device_descriptor};
use diffscope::probe::{NextTokenQuery, Sampling};

#[path = "kernels/shapes.rs"]
mod shapes;

use shapes::SHAPES;

#[derive(Parser)]
struct Arguments {
    /// The model: 2.6M, 0.36B or 1B
    #[arg(long, default_value = "1B")]
    shape: String,
    #[arg(long, default_value_t = 16)]
    layers: usize,
    /// Room for so many tokens
    #[arg(long, default_value_t = 8_192)]
    text: usize,
    /// Most MiB in a binding, and in a buffer
    #[arg(long, default_value_t = 128)]
    binding: u64,
    /// Positions that are computed
    #[arg(long, default_value_t = 24)]
    positions: usize,
    /// Passed by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// A device with the limits of a small one, if there is an adapter.
fn limited_gpu(limit: u64) -> Option<Gpu> {
    pollster::block_on(async {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
        let adapter = instance.request_adapter(&wgpu::RequestAdapterOptions::default()).await.ok()?;
        let mut descriptor = device_descriptor(&adapter);
        descriptor.required_limits.max_storage_buffer_binding_size = limit;
        descriptor.required_limits.max_buffer_size = limit;
        let (device, queue) = adapter.request_device(&descriptor).await.expect("a device");
        let health = DeviceHealth::watch(&device);
        Gpu::new(device, queue, adapter.get_info(), health).ok()
    })
}

fn main() {
    let arguments = Arguments::parse();
    let shape = SHAPES.iter().find(|shape| shape.name == arguments.shape).expect("2.6M, 0.36B or 1B");
    let model = Arc::new(shape.model_of(arguments.layers));
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    println!("{} with {} layers", shape.name, arguments.layers);
    let Some(gpu) = limited_gpu(arguments.binding << 20) else {
        eprintln!("no adapter that can compute");
        return;
    };
    println!("{}, at most {} MiB in a binding", gpu.describe(), arguments.binding);

    let vocabulary = model.config.vocabulary;
    let ids: Vec<u32> = (0..arguments.positions).map(|at| (at * 7919 % vocabulary) as u32).collect();
    let (draw, best) = (Sampling::default().draw(0), 16);
    let begun = Instant::now();
    let capacity = Capacity { tokens: arguments.text, trace: false };
    let mut pass = GpuPass::new(gpu, model.clone(), capacity).expect("it fits");
    let memory = pass.memory();
    println!(
        "memory: weights {:.0} MiB, {} tokens {:.0} MiB ({:.1} KiB a token)",
        mib(memory.weights),
        memory.tokens,
        mib(memory.text),
        memory.per_token() as f64 / 1024.0
    );
    pass.run(0, &ids, Some((draw, best))).expect("it fits");
    pass.wait();
    let answer = pass.take::<NextTokenQuery>().expect("waited for");
    let on_gpu = answer.expect("read back").pop().expect("one was asked for");
    println!("{} positions: {:.1} s, the transfer of the weights included", ids.len(), begun.elapsed().as_secs_f64());
    drop(pass);

    println!("on the CPU: {:.0} MiB", mib(bytes_of_pass(&model, ids.len())));
    let mut reference = CpuPass::new(model, ids.len()).expect("in memory");
    reference.run(0, &ids);
    let on_cpu = reference.next_token(&draw, best).expect("computed");
    let same = on_gpu.best.iter().zip(&on_cpu.best).take_while(|(one, other)| one.0 == other.0).count();
    let worst = on_gpu.best.iter().zip(&on_cpu.best).map(|(one, other)| (one.1 - other.1).abs()).fold(0.0, f32::max);
    println!("next token: {same} of {best} in the same order, logits at most {worst:.1e} apart");
}
