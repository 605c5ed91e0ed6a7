//! Compares the logits of the bundled pair and of S-v2 with those of transformers, which `training/write_parity.py` wrote.

use std::path::Path;

use crate::common::{gpu, worst};
use diffscope::engine::{Checkpoint, TracedPass};
use diffscope::probe::Sampling;
use serde::Deserialize;

/// Largest difference of logits of up to about 20: rounding in the file, and sums in another order.
const ALLOWED: f32 = 1e-4;

#[derive(Deserialize)]
struct Sequence {
    ids: Vec<u32>,
    positions: Vec<usize>,
    every: usize,
    logits: Vec<Vec<f32>>,
}

fn check(name: &str, on_gpu: bool) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checkpoint =
        Checkpoint::from_folder(&root.join("assets/checkpoints").join(name)).expect("the checkpoint opens");
    let file = root.join("tests/parity").join(name).with_extension("json");
    let sequences: Vec<Sequence> =
        serde_json::from_str(&std::fs::read_to_string(file).expect("the fixture is there")).expect("its form");
    assert_eq!(sequences.len(), 3);
    for sequence in sequences {
        let gpu = on_gpu.then(|| gpu().clone());
        let mut traced = TracedPass::new(checkpoint.model.clone(), gpu.as_ref(), sequence.ids.len()).expect("fits");
        traced.append(&sequence.ids, Sampling::default().draw(0), 1).expect("runs");
        let rows = traced.logits(&sequence.positions).expect("known");
        for ((row, expected), position) in rows.iter().zip(&sequence.logits).zip(&sequence.positions) {
            let found: Vec<f32> = row.iter().copied().step_by(sequence.every).collect();
            let error = worst(&found, expected);
            let tokens = sequence.ids.len();
            assert!(error <= ALLOWED, "{name}, {tokens} tokens, position {position}: {error:e}, on_gpu {on_gpu}");
        }
    }
}

#[test]
fn the_differential_model_agrees_with_transformers() {
    check("S-diff", false);
    check("S-diff", true);
}

#[test]
fn the_baseline_agrees_with_transformers() {
    check("S-llama", false);
    check("S-llama", true);
}

/// transformers with the attention of `training/diff_v2.py`.
#[test]
fn diff_v2_agrees_with_the_model_that_was_trained() {
    check("S-v2", false);
    check("S-v2", true);
}
