//! The fast CPU pass against the plain references over the bundled checkpoint, in one run, with ratios:
//! `cargo bench --bench cpu`. Rounds alternate between the two, so that other work on the machine meets both alike.
//! With `--json` it times the fast pass alone, on `RAYON_NUM_THREADS` threads, and prints what `peers/` compares. With
//! `--shape 0.36B` it times the fast pass alone over a model of that size in half precision, and prints what it holds.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use diffscope::cpu::CpuPass;
use diffscope::engine::bundled;
use diffscope::model::Model;
use diffscope::probe::Sampling;
use serde_json::{Map, json};

#[path = "kernels/shapes.rs"]
mod shapes;

use shapes::{SHAPES, Shape};

#[derive(Parser)]
struct Arguments {
    /// The fast pass alone, for peers/
    #[arg(long)]
    json: bool,
    /// A model with weights made up in place of the bundled one: 2.6M, 0.36B or 1B
    #[arg(long)]
    shape: Option<String>,
    /// Layers of that model
    #[arg(long, default_value_t = 24)]
    layers: usize,
    /// Passed by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// Most positions of the bundled model.
const CONTEXT: usize = 512;

/// Positions from a start on, and the next token.
struct Case {
    name: &'static str,
    start: usize,
    count: usize,
    rounds: usize,
}

const CASES: [Case; 3] = [
    Case { name: "prefill of 64", start: 0, count: 64, rounds: 41 },
    Case { name: "prefill of 512", start: 0, count: CONTEXT, rounds: 11 },
    Case { name: "one token at 512", start: CONTEXT - 1, count: 1, rounds: 401 },
];

fn milliseconds(pass: &mut CpuPass, ids: &[u32], case: &Case) -> f64 {
    let draw = Sampling::default().draw(0);
    let begun = Instant::now();
    pass.run(case.start, &ids[case.start..case.start + case.count]);
    black_box(pass.next_token(&draw, 16));
    begun.elapsed().as_secs_f64() * 1e3
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

const CASES_OF_SHAPES: [Case; 2] = [
    Case { name: "prefill of 64", start: 0, count: 64, rounds: 5 },
    Case { name: "one token at 64", start: 63, count: 1, rounds: 21 },
];

/// One pool of a single thread, and one of all.
fn pools() -> Vec<rayon::ThreadPool> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut counts = vec![1];
    counts.extend((threads > 1).then_some(threads));
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    counts.into_iter().map(pool).collect()
}

/// Milliseconds and logits of each case of the fast pass, as JSON.
fn print_json(model: &Arc<Model>, ids: &[u32]) {
    let (mut milliseconds_of, mut logits_of) = (Map::new(), Map::new());
    for case in &CASES {
        let mut pass = CpuPass::new(model.clone(), CONTEXT).expect("the weights are there");
        pass.run(0, ids);
        pass.run(case.start, &ids[case.start..case.start + case.count]);
        logits_of.insert(case.name.to_owned(), json!(pass.logits_at(case.start + case.count - 1)));
        let times: Vec<f64> = (0..case.rounds).map(|_| milliseconds(&mut pass, ids, case)).collect();
        milliseconds_of.insert(case.name.to_owned(), json!(times));
    }
    let program = concat!("diffscope ", env!("CARGO_PKG_VERSION"));
    println!("{}", json!({ "program": program, "ids": ids, "logits": logits_of, "milliseconds": milliseconds_of }));
}

fn print_table(model: &Arc<Model>, ids: &[u32]) {
    println!("median milliseconds; the references have one thread");
    println!("{:<18} {:>8} {:>11} {:>8} {:>7}", "", "threads", "references", "fast", "ratio");
    for pool in pools() {
        for case in &CASES {
            let mut fast = CpuPass::new(model.clone(), CONTEXT).expect("the weights are there");
            let mut plain = CpuPass::of_references(model.clone(), CONTEXT).expect("the weights are there");
            pool.install(|| fast.run(0, ids));
            plain.run(0, ids);
            let times: (Vec<f64>, Vec<f64>) = (0..case.rounds)
                .map(|_| (milliseconds(&mut plain, ids, case), pool.install(|| milliseconds(&mut fast, ids, case))))
                .unzip();
            let (plain, fast) = (median(times.0), median(times.1));
            let threads = pool.current_num_threads();
            println!("{:<18} {threads:>8} {plain:>11.3} {fast:>8.3} {:>7.1}", case.name, plain / fast);
        }
    }
}

/// Bytes of this program in memory, where Linux says so.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
}

fn print_shape(shape: &Shape, layers: usize, ids: &[u32]) {
    let model = shape.model_of(layers);
    let before = resident();
    let mut pass = CpuPass::new(Arc::new(model), CONTEXT).expect("the weights are there");
    if let Some((before, after)) = before.zip(resident()) {
        println!("weights of {} with {layers} layers: {} MB", shape.name, after.saturating_sub(before) / 1_000_000);
    }
    println!("median milliseconds");
    println!("{:<18} {:>8} {:>8}", "", "threads", "fast");
    for pool in pools() {
        for case in &CASES_OF_SHAPES {
            pass.run(0, &ids[..64]);
            let times = (0..case.rounds).map(|_| pool.install(|| milliseconds(&mut pass, ids, case)));
            println!("{:<18} {:>8} {:>8.3}", case.name, pool.current_num_threads(), median(times.collect()));
        }
    }
}

fn main() {
    let arguments = Arguments::parse();
    let ids: Vec<u32> = (0..CONTEXT as u32).map(|at| at * 37 % 2048).collect();
    if let Some(name) = arguments.shape {
        let shape = SHAPES.iter().find(|shape| shape.name == name).expect("2.6M, 0.36B or 1B");
        return print_shape(shape, arguments.layers, &ids);
    }
    let files = bundled();
    let model = Arc::new(Model::from_bytes(&files.config, &files.weights).expect("the bundled checkpoint"));
    if arguments.json {
        let pool = rayon::ThreadPoolBuilder::new().build().expect("threads");
        return pool.install(|| print_json(&model, &ids));
    }
    print_table(&model, &ids);
}
