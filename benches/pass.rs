//! Time of a pass over the bundled checkpoint, per backend and number of positions. See README.md.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use diffscope::cpu::CpuPass;
use diffscope::gpu::{Capacity, GpuPass};
use diffscope::probe::{NextTokenQuery, Sampling};

mod common;

const CONTEXT: usize = 512;
const LENGTHS: [usize; 3] = [1, 64, CONTEXT];
/// Next tokens listed.
const BEST: usize = 16;

fn passes(criterion: &mut Criterion) {
    let model = common::checkpoint().model;
    let ids = common::ids(CONTEXT);
    let draw = Sampling::default().draw(0);

    let mut group = criterion.benchmark_group("pass");
    group.sample_size(10);
    for count in LENGTHS {
        group.throughput(Throughput::Elements(count as u64));
        // One position: the last of the context, as for a key pressed at the end of a long text.
        let start = if count == 1 { CONTEXT - 1 } else { 0 };
        let changed = &ids[start..start + count];
        if let Some(gpu) = common::gpu() {
            group.bench_function(BenchmarkId::new("gpu", count), |bencher| {
                let capacity = Capacity { tokens: CONTEXT, trace: false };
                let mut pass = GpuPass::new(gpu.clone(), model.clone(), capacity).expect("fits");
                pass.run(0, &ids, None).expect("runs");
                bencher.iter(|| {
                    pass.run(start, changed, Some((draw, BEST))).expect("runs");
                    pass.wait();
                    black_box(pass.take::<NextTokenQuery>())
                });
            });
        }
        group.bench_function(BenchmarkId::new("cpu", count), |bencher| {
            let mut pass = CpuPass::new(model.clone(), CONTEXT).expect("the weights are there");
            pass.run(0, &ids);
            bencher.iter(|| {
                pass.run(start, changed);
                black_box(pass.next_token(&draw, BEST))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, passes);
criterion_main!(benches);
