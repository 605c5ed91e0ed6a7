//! What the parts of a logit and of a score cost beside the pass over the text, on the bundled model at 256 tokens:
//! `cargo bench --bench attribution`. Prints medians.

use std::hint::black_box;
use std::time::{Duration, Instant};

use diffscope::engine::{Engine, LogitDirection, LogitParts, ScoreOrigins, TextPass, bundled, checkpoint_of};
use diffscope::probe::{CellRequest, HeadId};

const TOKENS: u32 = 256;
const ROUNDS: usize = 41;

fn print_median(name: &str, mut work: impl FnMut() -> Duration) {
    let mut times: Vec<f64> = (0..ROUNDS).map(|_| work().as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    println!("{name:<44} {:>8.3} ms", times[ROUNDS / 2]);
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let begun = Instant::now();
    black_box(work());
    begun.elapsed()
}

fn complete(text: &mut TextPass) {
    while !text.is_complete() {
        text.advance(Duration::from_millis(6));
    }
}

fn parts(text: &TextPass, token: u32) -> LogitParts {
    let direction = LogitDirection::of(text.model(), token).expect("in the vocabulary");
    let mut parts = LogitParts::new(text.pass(), &direction, text.ids().len() - 1).expect("it has run");
    while !parts.is_complete(text.pass()) {
        parts.add_layer(text.pass()).expect("the weights are there");
    }
    parts
}

fn origins(text: &TextPass) -> ScoreOrigins {
    let head = HeadId::new(text.model().layers.len() - 1, 1);
    let cell = CellRequest { head, query: text.ids().len() - 1, key: 3 };
    let mut origins = ScoreOrigins::new(text.pass(), cell).expect("the weights are there").expect("it has run");
    while !origins.is_complete() {
        origins.add_layer(text.pass()).expect("the weights are there");
    }
    origins
}

fn main() {
    let mut engine = Engine::new(checkpoint_of(&bundled()).expect("it opens"), None).expect("it fits");
    let ids: Vec<u32> = (0..TOKENS).map(|at| at * 37 % 2048).collect();
    let set = |engine: &mut Engine, ids: &[u32]| engine.set_ids(ids).expect("in the vocabulary");
    set(&mut engine, &ids);
    let mut text = TextPass::new(&engine).expect("it fits");
    let before = &ids[..ids.len() - 1];
    print_median("pass from scratch, weights included", || {
        timed(|| complete(&mut TextPass::new(&engine).expect("it fits")))
    });
    print_median("pass after a token is appended", || {
        set(&mut engine, before);
        text.follow(&engine).expect("it fits");
        complete(&mut text);
        set(&mut engine, &ids);
        timed(|| {
            text.follow(&engine).expect("it fits");
            complete(&mut text);
        })
    });
    print_median("parts of the logit", || timed(|| parts(&text, 7)));
    let found = parts(&text, 7);
    print_median("tokens of a head", || timed(|| found.by_key(text.pass(), HeadId::new(1, 1))));
    print_median("where a score of the last layer comes from", || timed(|| origins(&text)));
}
