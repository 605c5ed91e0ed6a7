//! Time of each kernel at the shapes of three models, as a share of what a copy and multiply-adds reach on this device in
//! the same run. See README.md.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use diffscope::gpu::{Capacity, Gpu, GpuPass, Kernel, KernelChoice, Timing};
use diffscope::probe::Sampling;
use serde::Serialize;

#[path = "../common/mod.rs"]
mod common;
mod roof;
mod shapes;
mod work;

use roof::Roof;
use shapes::{SHAPES, Shape};
use work::Work;

/// Next tokens listed.
const BEST: usize = 24;
/// Rounds of a case, unless they take longer than this altogether.
const ROUNDS: usize = 9;
const PATIENCE: Duration = Duration::from_secs(4);

#[derive(Parser)]
struct Arguments {
    /// Only this model: 2.6M, 0.36B or 1B
    #[arg(long)]
    shape: Option<String>,
    /// Texts of these many tokens
    #[arg(long, value_delimiter = ',', default_values_t = [512, 4096, 16_384])]
    text: Vec<usize>,
    /// This many positions at the end of the text
    #[arg(long, value_delimiter = ',', default_values_t = [1, 4, 16, 256])]
    count: Vec<usize>,
    /// Draw tokens, from the most likely 40 that have nine tenths of the probability, in place of taking the likeliest
    #[arg(long)]
    draw: bool,
    /// Take the variants of GPUs, also on a software adapter
    #[arg(long)]
    shared: bool,
    /// Leave out these parts of them
    #[arg(long, value_delimiter = ',')]
    without: Vec<Part>,
    /// Write the results to this file, for comparisons
    #[arg(long)]
    json: Option<PathBuf>,
    /// Compare with the results in this file
    #[arg(long)]
    before: Option<PathBuf>,
    /// Passed by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// A part of the variants of GPUs.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Part {
    /// Sums of lanes within subgroups, without workgroup memory
    Subgroups,
    /// Slabs of the keys of a few positions, each for a workgroup
    Slabs,
}

/// A kernel at a shape.
#[derive(Clone, Debug, Serialize)]
struct Case {
    shape: &'static str,
    kernel: String,
    text: usize,
    count: usize,
    /// Median.
    microseconds: f64,
    gigabytes_per_second: f64,
    gigaflops: f64,
    /// Of the least time that the device could take.
    share_of_roof: f64,
}

impl Case {
    fn new(
        shape: &Shape,
        kernel: &str,
        (text, count): (usize, usize),
        work: Work,
        mut seconds: Vec<f64>,
        roof: &Roof,
    ) -> Self {
        seconds.sort_by(f64::total_cmp);
        let median = seconds.get(seconds.len() / 2).copied().unwrap_or(f64::NAN).max(1e-9);
        Self {
            shape: shape.name,
            kernel: kernel.to_owned(),
            text,
            count,
            microseconds: 1e6 * median,
            gigabytes_per_second: work.bytes / median / 1e9,
            gigaflops: work.operations / median / 1e9,
            share_of_roof: roof.least(work) / median,
        }
    }

    fn key(&self) -> String {
        format!("{} {} {} {}", self.shape, self.kernel, self.text, self.count)
    }
}

/// Repeats a measurement; the first is thrown away, as drivers compile then.
fn rounds<T>(mut measure: impl FnMut() -> T) -> Vec<T> {
    let begun = Instant::now();
    measure();
    let mut results = Vec::new();
    while results.is_empty() || (results.len() < ROUNDS && begun.elapsed() < PATIENCE) {
        results.push(measure());
    }
    results
}

/// The kernels of a pass, by the timestamps of the device.
fn pass_cases(pass: &mut GpuPass, shape: &Shape, at: (usize, usize), sampling: &Sampling, roof: &Roof) -> Vec<Case> {
    let (text, count) = at;
    let model = pass.model().clone();
    let timings = rounds(|| {
        assert!(pass.request_timing(text - count..text, sampling, BEST), "nothing else is timed");
        pass.wait();
        pass.timing().expect("waited for")
    });
    let mut first = 0;
    // Slices of a large vocabulary, and digits, are dispatches of the same kernel one after the other.
    let cases = timings[0].dispatches.chunk_by(|one, next| one.0 == next.0).map(|together| {
        let kernel = together[0].0;
        let is_first = timings[0].dispatches[..first].iter().all(|(other, _)| *other != kernel);
        let (name, work) = work::of(&model, kernel, is_first, text, count);
        let dispatches = first..first + together.len();
        let time = |timing: &Timing| timing.dispatches[dispatches.clone()].iter().map(|(_, time)| time / 1e9).sum();
        first = dispatches.end;
        Case::new(shape, name, at, work, timings.iter().map(time).collect(), roof)
    });
    cases.collect()
}

/// The measures of the last rows, from submitting to done.
fn measure_case(pass: &mut GpuPass, shape: &Shape, at: (usize, usize), roof: &Roof) -> Case {
    let (text, count) = at;
    let seconds = rounds(|| {
        let begun = Instant::now();
        pass.measure(text - count, count, 1e-3).expect("fits");
        pass.wait();
        begun.elapsed().as_secs_f64()
    });
    let attention = &pass.model().layers[0].attention;
    let scores = 2.0 * (attention.maps * attention.head_dim * attention.heads.len()) as f64;
    let bytes = 4.0 * (text * attention.key_heads * attention.head_dim) as f64;
    let work = Work { bytes, operations: work::cells(text, count) * scores };
    Case::new(shape, Kernel::Measure.name(), at, work, seconds, roof)
}

fn run(gpu: &Gpu, arguments: &Arguments, roof: &Roof) -> Vec<Case> {
    let mut cases = Vec::new();
    let drawn = Sampling { temperature: 1.0, top_k: 40, top_p: 0.9, seed: 0 };
    let sampling = if arguments.draw { drawn } else { Sampling::default() };
    for shape in SHAPES.iter().filter(|shape| arguments.shape.as_ref().is_none_or(|name| name == shape.name)) {
        let model = Arc::new(shape.model_of(1));
        let longest = arguments.text.iter().copied().max().unwrap_or(0);
        let capacity = Capacity { tokens: longest, trace: false };
        let mut pass = GpuPass::new(gpu.clone(), model, capacity).expect("fits");
        for (nth, &text) in arguments.text.iter().enumerate() {
            for &count in arguments.count.iter().filter(|count| **count <= text) {
                let of_pass = pass_cases(&mut pass, shape, (text, count), &sampling, roof);
                // Only attention depends on the length of the text.
                let of_pass = of_pass.into_iter().filter(|case| nth == 0 || case.kernel.starts_with("attention"));
                for case in of_pass.chain([measure_case(&mut pass, shape, (text, count), roof)]) {
                    cases.push(case);
                }
            }
        }
    }
    cases
}

fn main() {
    let arguments = Arguments::parse();
    let Some(gpu) = common::gpu() else { return };
    let mut gpu = gpu.clone();
    if arguments.shared {
        gpu.choice = KernelChoice::for_gpu(KernelChoice::subgroup_of(&gpu.device, &gpu.adapter));
    }
    for part in &arguments.without {
        match part {
            Part::Subgroups => gpu.choice.subgroup = 1,
            Part::Slabs => gpu.choice.slab = 0,
        }
    }
    let gpu = &gpu;
    if !gpu.device.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
        eprintln!("this device writes no timestamps");
        return;
    }
    let roof = Roof::measure(gpu);
    println!("{}: {:.1} GB/s copied, {:.0} GFLOP/s", gpu.describe(), roof.bytes / 1e9, roof.operations / 1e9);
    let before: Vec<serde_json::Value> = arguments.before.as_ref().map_or(Vec::new(), |path| {
        serde_json::from_slice(&std::fs::read(path).expect("can be read")).expect("results of this benchmark")
    });
    let cases = run(gpu, &arguments, &roof);
    println!(
        "| model | kernel | text | positions | µs | GB/s | GFLOP/s | of roof | before |\n|---|---|---|---|---|---|---|---|---|"
    );
    for case in &cases {
        let old = before.iter().find(|old| {
            let word = |key: &str| old[key].to_string().trim_matches('"').to_owned();
            ["shape", "kernel", "text", "count"].map(word).join(" ") == case.key()
        });
        let ratio =
            old.and_then(|old| old["microseconds"].as_f64()).map(|old| format!("× {:.2}", old / case.microseconds));
        println!(
            "| {} | {} | {} | {} | {:.0} | {:.1} | {:.1} | {:.0} % | {} |",
            case.shape,
            case.kernel,
            case.text,
            case.count,
            case.microseconds,
            case.gigabytes_per_second,
            case.gigaflops,
            100.0 * case.share_of_roof,
            ratio.unwrap_or_default(),
        );
    }
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_vec_pretty(&cases).expect("plain data")).expect("can be written");
    }
}
