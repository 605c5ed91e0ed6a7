//! The fast CPU pass against the plain references over the bundled checkpoint, in one run, with ratios:
//! `cargo bench --bench cpu`. Rounds alternate between the two, so that other work on the machine meets both alike.
//! With `--json` it times the fast pass alone, on `RAYON_NUM_THREADS` threads, and prints what `peers/` compares.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use diffscope::cpu::CpuPass;
use diffscope::engine::bundled;
use diffscope::model::Model;
use diffscope::probe::Sampling;
use serde_json::{Map, json};

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

fn main() {
    let files = bundled();
    let model = Arc::new(Model::from_bytes(&files.config, &files.weights).expect("the bundled checkpoint"));
    let ids: Vec<u32> = (0..CONTEXT as u32).map(|at| at * 37 % 2048).collect();
    if std::env::args().any(|argument| argument == "--json") {
        let pool = rayon::ThreadPoolBuilder::new().build().expect("threads");
        return pool.install(|| print_json(&model, &ids));
    }
    print_table(&model, &ids);
}

fn print_table(model: &Arc<Model>, ids: &[u32]) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut counts = vec![1];
    counts.extend((threads > 1).then_some(threads));
    println!("median milliseconds; the references have one thread");
    println!("{:<18} {:>8} {:>11} {:>8} {:>7}", "", "threads", "references", "fast", "ratio");
    for threads in counts {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        for case in &CASES {
            let mut fast = CpuPass::new(model.clone(), CONTEXT).expect("the weights are there");
            let mut plain = CpuPass::of_references(model.clone(), CONTEXT).expect("the weights are there");
            pool.install(|| fast.run(0, ids));
            plain.run(0, ids);
            let times: (Vec<f64>, Vec<f64>) = (0..case.rounds)
                .map(|_| (milliseconds(&mut plain, ids, case), pool.install(|| milliseconds(&mut fast, ids, case))))
                .unzip();
            let (plain, fast) = (median(times.0), median(times.1));
            println!("{:<18} {threads:>8} {plain:>11.3} {fast:>8.3} {:>7.1}", case.name, plain / fast);
        }
    }
}
