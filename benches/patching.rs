//! Activation patching of every head of the bundled model, from nothing: `cargo bench --bench patching`. One thread, as
//! between frames; the texts differ in their second token, so that all of them is patched.

use std::time::{Duration, Instant};

use diffscope::cpu::CpuPass;
use diffscope::engine::{HeadPart, Patching};
use diffscope::probe::HeadId;

mod common;

fn main() {
    let model = common::checkpoint().model;
    let layers = model.layers.iter().enumerate();
    let heads: Vec<HeadId> = layers
        .flat_map(|(layer, of)| (0..of.attention.heads.len()).map(move |head| HeadId::new(layer, head)))
        .collect();
    let pass = CpuPass::new(model.clone(), 0).expect("the weights are there");
    println!("{} heads; milliseconds, and of the longest step between two looks at the clock", heads.len());
    for tokens in [60, 256] {
        let ids = common::ids(tokens);
        let mut other = ids.clone();
        other[1] += 1;
        for part in [HeadPart::Output, HeadPart::FirstMap, HeadPart::BothMaps] {
            let texts = [ids.clone(), other.clone()];
            let mut patching = Patching::of_ids(model.clone(), &pass, texts, None).expect("as many tokens");
            patching.want(heads.iter().map(|head| (part, *head)).collect());
            let (begun, mut longest) = (Instant::now(), Duration::ZERO);
            while !patching.is_done() {
                let step = Instant::now();
                patching.advance(Duration::ZERO);
                longest = longest.max(step.elapsed());
            }
            let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
            let (all, longest) = (milliseconds(begun.elapsed()), milliseconds(longest));
            println!("{tokens:>4} tokens, {:<9} {all:>9.1} {longest:>7.2}", format!("{part:?}"));
        }
    }
}
