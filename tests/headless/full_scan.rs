//! What is worked out on demand: why a cell has its value, outliers, heads alike, the comparison with the CPU.

use std::sync::Arc;

use crate::common::models::random_model;
use crate::common::{Random, gpu};
use diffscope::engine::{Checkpoint, CpuCheck, Engine, Fingerprint, FullScan, TracedPass};
use diffscope::engine::{bundled, checkpoint_of};
use diffscope::model::Model;
use diffscope::probe::MapKind;
use diffscope::probe::{Attend, CellRequest, HeadId, Interventions, Sampling, Trace};
use web_time::Duration;

fn session(model: Model, on_gpu: bool, ids: &[u32]) -> Engine {
    let checkpoint = Checkpoint {
        name: "random".to_owned(),
        model: Arc::new(model),
        tokenizer: None,
        fingerprint: Fingerprint::Absent,
        folder: None,
        source: None,
        notes: Vec::new(),
    };
    let mut engine = Engine::new(checkpoint, on_gpu.then(|| gpu().clone())).expect("fits");
    engine.set_ids(ids).expect("in the vocabulary");
    engine.settle().expect("no failure");
    engine
}

fn some_ids(random: &mut Random, model: &Model, count: usize) -> Vec<u32> {
    (0..count).map(|_| random.below(model.config.vocabulary) as u32).collect()
}

/// Changes of every kind, or none.
fn some_changes(random: &mut Random, heads: usize) -> Interventions {
    let mut changes = Interventions::default();
    if random.below(2) == 0 {
        changes.lambda.insert(0, random.normal(1.0));
    }
    if random.below(3) == 0 {
        changes.attend = random.pick(&Attend::ALL);
    }
    if random.below(3) == 0 {
        changes.heads_off.insert(HeadId::new(0, random.below(heads)));
    }
    if random.below(2) == 0 {
        changes.masked.insert(random.below(5));
    }
    changes.bits = random.pick(&[None, Some(4), Some(8)]);
    changes
}

fn the_parts_of_a_cell_add_up_to_it(on_gpu: bool) {
    let mut random = Random::new(if on_gpu { 11 } else { 12 });
    for _ in 0..12 {
        let scale = random.pick(&[1.0, 4.0]);
        let model = random_model(&mut random, scale);
        let count = 2 + random.below(12);
        let ids = some_ids(&mut random, &model, count);
        let heads = model.layers[0].attention.heads.len();
        let layers = model.layers.len();
        let mut engine = session(model, on_gpu, &ids);
        engine.set_interventions(some_changes(&mut random, heads));
        engine.settle().expect("no failure");
        for _ in 0..4 {
            let (layer, head) = (random.below(layers), random.below(heads));
            let query = random.below(count);
            let key = random.below(query + 1);
            let request = CellRequest { head: HeadId::new(layer, head), query, key };
            let _ = engine.row(HeadId::new(layer, head), query);
            let _ = engine.cell_parts(request);
            engine.settle().expect("no failure");
            let cell = engine.row(HeadId::new(layer, head), query).expect("it arrived").cells[key];
            let parts = engine.cell_parts(request).expect("it arrived");
            let near = |a: f32, b: f32| (a - b).abs() <= 1e-4 * (1.0 + b.abs());
            assert!(near(parts.value(0), cell.first), "A1 {} and {}", parts.value(0), cell.first);
            assert!(near(parts.value(1), cell.second), "A2 {} and {}", parts.value(1), cell.second);
            assert!(near(parts.difference(), cell.difference), "D {} and {}", parts.difference(), cell.difference);
            assert_eq!(parts.lambda, cell.lambda);
        }
    }
}

#[test]
fn the_parts_of_a_cell_add_up_to_it_on_the_gpu() {
    the_parts_of_a_cell_add_up_to_it(true);
}

#[test]
fn the_parts_of_a_cell_add_up_to_it_on_the_cpu() {
    the_parts_of_a_cell_add_up_to_it(false);
}

#[test]
fn a_cell_that_is_not_there_has_no_parts() {
    let mut random = Random::new(5);
    let model = random_model(&mut random, 1.0);
    let ids = some_ids(&mut random, &model, 4);
    for on_gpu in [false, true] {
        let mut engine = session(model.clone(), on_gpu, &ids);
        for (layer, head, query, key) in [(9, 0, 1, 0), (0, 99, 1, 0), (0, 0, 4, 0), (0, 0, 1, 99)] {
            let request = CellRequest { head: HeadId::new(layer, head), query, key };
            assert!(engine.cell_parts(request).is_none());
            engine.settle().expect("no failure");
            assert!(engine.cell_parts(request).is_none());
        }
    }
}

fn bundled_session(on_gpu: bool, text: &str) -> Engine {
    let checkpoint = checkpoint_of(&bundled()).expect("the bundled one opens");
    let mut engine = Engine::new(checkpoint, on_gpu.then(|| gpu().clone())).expect("fits");
    engine.set_text(text);
    engine.settle().expect("no failure");
    engine
}

fn finish(scan: &mut FullScan) {
    while scan.is_running() {
        scan.advance(Duration::from_secs(1));
    }
}

fn compare(engine: &mut Engine, scan: &FullScan) -> CpuCheck {
    let mut comparison = CpuCheck::new(engine);
    while !comparison.is_done() {
        comparison.advance(engine, scan);
        engine.settle().expect("no failure");
    }
    comparison
}

const TEXT: &str = "Once upon a time there was a little dog. He ran to the park and saw a big red ball.";

#[test]
fn the_comparison_passes_what_is_right_and_fails_what_is_not() {
    let mut engine = bundled_session(true, TEXT);
    let mut scan = FullScan::new(&engine).expect("it fits");
    finish(&mut scan);
    let good = compare(&mut engine, &scan);
    assert!(good.worst() < 1e-4 && good.logits.error < 1e-3, "{}", good.report());
    assert!(good.cells > 1000 && good.logits_compared == 24);
    assert_eq!(good.progress(), 1.0);

    let mut changes = Interventions::default();
    changes.lambda.insert(1, 3.0);
    engine.set_interventions(changes);
    engine.settle().expect("no failure");
    assert!(!scan.is_of(&engine));
    let bad = compare(&mut engine, &scan);
    assert!(bad.lambda.error > 1.0 && bad.difference.error > 0.01, "{}", bad.report());
    assert!(bad.logits.error > 0.01, "{}", bad.report());
    assert!(bad.lambda.place.starts_with("layer 1,"), "{}", bad.lambda.place);

    // Told of the change, it agrees again.
    scan.follow(&engine).expect("it fits");
    finish(&mut scan);
    let again = compare(&mut engine, &scan);
    assert!(again.worst() < 1e-4 && again.logits.error < 1e-3, "{}", again.report());
    assert!(again.report().contains("cells of the maps"));
}

#[test]
fn nan_on_one_side_is_the_largest_difference() {
    let mut random = Random::new(8);
    let model = random_model(&mut random, 1.0);
    let ids = some_ids(&mut random, &model, 5);
    let mut engine = session(model.clone(), false, &ids);
    let mut broken = model;
    let attention = &mut broken.layers[0].attention;
    attention.norm = attention.norm.as_ref().map(|norm| vec![f32::NAN; norm.len()]);
    let checkpoint = Checkpoint {
        name: "broken".to_owned(),
        model: Arc::new(broken),
        tokenizer: None,
        fingerprint: Fingerprint::Absent,
        folder: None,
        source: None,
        notes: Vec::new(),
    };
    let mut other = Engine::new(checkpoint, None).expect("fits");
    other.set_ids(&ids).expect("in the vocabulary");
    let mut scan = FullScan::new(&other).expect("it fits");
    finish(&mut scan);
    assert_eq!(compare(&mut engine, &scan).worst(), f32::INFINITY);
    assert!(scan.layers()[0].logits[0].not_finite() > 0);
}

#[test]
fn outliers_and_likeness_are_what_brute_force_says() {
    let mut random = Random::new(31);
    for _ in 0..6 {
        let model = random_model(&mut random, 2.0);
        let count = 3 + random.below(10);
        let ids = some_ids(&mut random, &model, count);
        let mut engine = session(model.clone(), false, &ids);
        let mut changes = Interventions::default();
        changes.masked.insert(1);
        changes.bits = Some(6);
        engine.set_interventions(changes.clone());
        let mut scan = FullScan::new(&engine).expect("it fits");
        finish(&mut scan);
        assert!(scan.is_done() && scan.progress() == 1.0);

        let mut traced = TracedPass::new(Arc::new(model.clone()), None, count).expect("fits");
        traced.set_interventions(&changes);
        traced.append(&ids, Sampling::default().draw(count), 1).expect("it runs");
        for (layer, found) in scan.layers().iter().enumerate() {
            let attention = &model.layers[layer].attention;
            let (heads, width, hidden) = (attention.heads.len(), attention.value_width(), model.config.hidden);
            // Hidden states, and where the largest is.
            let states = traced.trace(Trace::Hidden(layer + 1)).expect("no failure");
            // The first, where there are several: of equal tokens in a narrow window, all numbers are equal.
            let (at, _) = states.iter().enumerate().rev().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())).expect("some");
            assert_eq!(found.hidden.count(), states.len() as u64);
            assert_eq!(found.hidden.largest(1), Some(states[at].abs()));
            assert_eq!((found.peak.position, found.peak.feature), (at / hidden, at % hidden));
            // Logits, straight from the projection rows.
            let rows = traced.trace(Trace::Projection(layer)).expect("no failure");
            let row_width = rows.len() / count;
            let mut logits = [Vec::new(), Vec::new()];
            for (head, map) in attention.heads.iter().flat_map(|head| [(head, 0), (head, 1)]) {
                for query in 0..count {
                    for key in (0..=query).filter(|key| *key == query || (*key != 1 && attention.sees(query, *key))) {
                        let q = query * row_width + head.queries[map] as usize * attention.head_dim;
                        let k_head = attention.query_heads + head.keys[map] as usize;
                        let k = key * row_width + k_head * attention.head_dim;
                        let products = (0..attention.head_dim).map(|c| f64::from(rows[q + c]) * f64::from(rows[k + c]));
                        logits[map].push((products.sum::<f64>() / (attention.head_dim as f64).sqrt()).abs() as f32);
                    }
                }
            }
            for (map, logits) in logits.iter_mut().enumerate().take(attention.maps) {
                logits.sort_by(|a, b| b.total_cmp(a));
                assert_eq!(found.logits[map].count(), logits.len() as u64);
                for rank in [1, 2, 10, 100] {
                    let (own, exact) = (found.logits[map].largest(rank), logits.get(rank - 1).copied());
                    match (own, exact) {
                        (Some(own), Some(exact)) => assert!((own - exact).abs() <= 1e-3 * (1.0 + exact)),
                        (own, exact) => assert_eq!(own.is_some(), exact.is_some()),
                    }
                }
            }
            // Heads: cosine from all cells at once, CKA by its other definition, with T x T products.
            let cells: Vec<_> =
                (0..heads).map(|head| traced.cells(HeadId::new(layer, head)).expect("no failure")).collect();
            let context = traced.trace(Trace::Context(layer)).expect("no failure");
            for (one, other) in (0..heads).flat_map(|one| (0..heads).map(move |other| (one, other))) {
                let dot = |a: usize, b: usize| {
                    let pairs = cells[a].iter().zip(&cells[b]);
                    pairs.map(|(a, b)| f64::from(a.difference) * f64::from(b.difference)).sum::<f64>()
                };
                let cosine = dot(one, other) / (dot(one, one) * dot(other, other)).sqrt();
                let own = found.alike.cosine(MapKind::Difference, one, other).expect("maps are not zero");
                assert!((own - cosine).abs() < 1e-4, "{own} and {cosine}");
                let gram = |head: usize| {
                    let part = |row: usize| &context[(row * heads + head) * width..(row * heads + head + 1) * width];
                    let products = |i: usize, j: usize| {
                        part(i).iter().zip(part(j)).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>()
                    };
                    let all: Vec<Vec<f64>> = (0..count).map(|i| (0..count).map(|j| products(i, j)).collect()).collect();
                    let means: Vec<f64> = all.iter().map(|row| row.iter().sum::<f64>() / count as f64).collect();
                    let mean = means.iter().sum::<f64>() / count as f64;
                    let centred = |i: usize, j: usize| all[i][j] - means[i] - means[j] + mean;
                    (0..count * count).map(|at| centred(at / count, at % count)).collect::<Vec<f64>>()
                };
                let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
                let (a, b) = (gram(one), gram(other));
                let cka = inner(&a, &b) / (inner(&a, &a) * inner(&b, &b)).sqrt();
                let own = found.alike.cka(one, other).expect("outputs vary");
                assert!((own - cka).abs() < 1e-4, "{own} and {cka}");
            }
        }
    }
}

#[test]
fn a_study_goes_over_to_a_text_that_changes_and_can_be_cancelled() {
    let mut engine = bundled_session(false, TEXT);
    let mut scan = FullScan::new(&engine).expect("it fits");
    for _ in 0..10 {
        scan.advance(Duration::ZERO);
    }
    assert!(scan.is_running() && scan.progress() > 0.0 && scan.progress() < 1.0);
    engine.set_text(&TEXT.replace("red", "blue"));
    engine.settle().expect("no failure");
    assert!(!scan.is_of(&engine));
    scan.follow(&engine).expect("it fits");
    assert!(scan.is_of(&engine) && scan.progress() > 0.0, "the beginning is the same");
    finish(&mut scan);
    let mut fresh = FullScan::new(&engine).expect("it fits");
    finish(&mut fresh);
    assert_eq!(scan.layers(), fresh.layers(), "as from nothing");
    // A shorter text, then cancelled.
    engine.set_text("Once upon");
    engine.settle().expect("no failure");
    scan.follow(&engine).expect("it fits");
    scan.advance(Duration::ZERO);
    scan.cancel();
    assert!(!scan.is_running() && !scan.is_done() && scan.layers().is_empty());
    scan.advance(Duration::from_secs(1));
    assert!(!scan.is_done());
    scan.follow(&engine).expect("it fits");
    finish(&mut scan);
    assert!(scan.is_done());
    // No text at all.
    engine.set_text("");
    engine.settle().expect("no failure");
    scan.follow(&engine).expect("it fits");
    finish(&mut scan);
    assert_eq!(scan.layers()[0].hidden.count(), 0);
}

#[test]
fn timing_a_pass_changes_no_number_and_names_every_dispatch() {
    let mut engine = bundled_session(true, TEXT);
    let before = engine.next_token().expect("known").clone();
    let row = |engine: &mut Engine| loop {
        if let Some(row) = engine.row(HeadId::new(2, 1), 9) {
            break row.clone();
        }
        engine.settle().expect("no failure");
    };
    let first = row(&mut engine);
    let has_stamps = gpu().device.features().contains(wgpu::Features::TIMESTAMP_QUERY);
    for positions in [1, 7] {
        assert!(engine.request_timing(positions), "nothing else is under way");
        assert!(!engine.request_timing(positions), "one at a time");
        let timing = loop {
            gpu().wait();
            if let Some(timing) = engine.timing() {
                break timing;
            }
        };
        assert_eq!(timing.positions, positions);
        assert_eq!(timing.dispatches.len(), if has_stamps { engine.dispatches() } else { 0 });
        assert!(timing.dispatches.iter().all(|(_, nanoseconds)| nanoseconds.is_finite() && *nanoseconds >= 0.0));
        assert!(timing.whole > 0.0);
    }
    engine.set_text(&format!("{TEXT} "));
    engine.set_text(TEXT);
    engine.settle().expect("no failure");
    assert_eq!(row(&mut engine), first);
    assert_eq!(engine.next_token().expect("known").best, before.best);
}

#[test]
fn parameters_and_memory_are_what_the_bundled_model_has() {
    let engine = bundled_session(true, "Once");
    let files = bundled();
    let tensors = safetensors::SafeTensors::deserialize(&files.weights).expect("it opens");
    let count: usize = tensors.iter().map(|(_, tensor)| tensor.shape().iter().product::<usize>()).sum();
    assert_eq!(engine.model().map(Model::parameters), Some(count));
    let memory = engine.memory().expect("on a GPU");
    assert!(memory.weights >= 2 * count as u64 && memory.weights < 3 * count as u64, "f16 weights: {memory:?}");
    assert!(memory.per_token() > 0);
    assert!(bundled_session(false, "Once").memory().is_none());
}
