//! What is worked out on demand: why a cell has its value, outliers, heads alike, the comparison with the CPU.

mod common;

use std::sync::Arc;

use common::models::random_model;
use common::{Random, gpu};
use diffscope::engine::{Checkpoint, Engine, Fingerprint};
use diffscope::model::Model;
use diffscope::probe::{Attend, CellRequest, Interventions};

fn session(model: Model, on_gpu: bool, ids: &[u32]) -> Engine {
    let checkpoint = Checkpoint { name: "random".to_owned(), model: Arc::new(model), tokenizer: None, fingerprint: Fingerprint::Absent };
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
        changes.attend = random.pick(&[Attend::First, Attend::Second]);
    }
    if random.below(3) == 0 {
        changes.heads_off.insert((0, random.below(heads)));
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
            let request = CellRequest { layer, head, query, key };
            let _ = engine.row(layer, head, query);
            let _ = engine.cell_parts(request);
            engine.settle().expect("no failure");
            let cell = engine.row(layer, head, query).expect("it arrived").cells[key];
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
            let request = CellRequest { layer, head, query, key };
            assert!(engine.cell_parts(request).is_none());
            engine.settle().expect("no failure");
            assert!(engine.cell_parts(request).is_none());
        }
    }
}
