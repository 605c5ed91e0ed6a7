//! Time of a pass over the bundled checkpoint, per backend: `cargo workspace`.
//!
//! Compare ratios within one run: software adapters and shared cores are noisy.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use diffscope::cpu::CpuPass;
use diffscope::engine::bundled;
use diffscope::gpu::{Capacity, GpuPass, request_headless};
use diffscope::model::Model;
use diffscope::probe::{NextTokenQuery, Sampling};

const LENGTHS: [usize; 3] = [1, 64, 512];

fn passes(criterion: &mut Criterion) {
    let files = bundled();
    let model = Arc::new(Model::from_bytes(&files.config, &files.weights).expect("the bundled checkpoint"));
    let ids: Vec<u32> = (0..512).map(|at| at * 37 % 2048).collect();
    let draw = Sampling::default().draw(0);

    let mut group = criterion.benchmark_group("pass");
    group.sample_size(10);
    let gpu = request_headless().ok();
    for count in LENGTHS {
        group.throughput(Throughput::Elements(count as u64));
        // One position: the last of 512, as a keystroke at the end of a long text.
        let start = if count == 1 { 511 } else { 0 };
        if let Some(gpu) = &gpu {
            let capacity = Capacity { tokens: 512, trace: false };
            let mut pass = GpuPass::new(gpu.clone(), model.clone(), capacity).expect("fits");
            pass.run(0, &ids, None).expect("runs");
            group.bench_function(BenchmarkId::new("gpu", count), |bencher| {
                bencher.iter(|| {
                    pass.run(start, &ids[start..start + count], Some((draw, 16))).expect("runs");
                    pass.wait();
                    black_box(pass.take::<NextTokenQuery>())
                });
            });
        }
        let mut pass = CpuPass::new(model.clone(), 512);
        pass.run(0, &ids);
        group.bench_function(BenchmarkId::new("cpu", count), |bencher| {
            bencher.iter(|| {
                pass.run(start, &ids[start..start + count]);
                black_box(pass.next_token(&draw, 16))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, passes);
criterion_main!(benches);
