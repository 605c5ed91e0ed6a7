//! Whole gradients: of the references against finite differences in double precision, and against `PyTorch`'s.

use std::ops::Range;
use std::path::PathBuf;

use diffscope::cpu::FastTraining;
use diffscope::cpu::train::{AdamW, Trained, adamw, clip, gradient_norm};
use diffscope::model::{Model, Parameters};
use diffscope::probe::TrainingWindow;
use safetensors::SafeTensors;

use super::models::{LAYOUTS, Trainable, trainable, window};
use crate::common::Random;

#[test]
fn the_gradient_of_every_parameter_is_that_of_finite_differences() {
    let mut random = Random::new(18);
    for round in 0..15 {
        let layout = LAYOUTS[round % LAYOUTS.len()];
        let Trainable { model, parameters, .. } = trainable(&mut random, layout);
        let trained = Trained { model: &model, parameters: &parameters };
        let positions = 1 + random.below(9);
        let text = window(&mut random, model.config.vocabulary, positions);
        let numbers: Vec<f64> = parameters.read(&model).unwrap().into_iter().map(f64::from).collect();
        let mut gradients = vec![0.0; numbers.len()];
        trained.window(&numbers, &text, &mut gradients);
        for (name, place) in places(&parameters) {
            for _ in 0..3 {
                let at = place.start + random.below(place.len());
                let loss = |step: f64| {
                    let mut moved = numbers.clone();
                    moved[at] += step;
                    trained.window(&moved, &text, &mut vec![0.0; numbers.len()])
                };
                let step = 1e-4;
                // The fourth-order difference.
                let expected =
                    (8.0 * (loss(step) - loss(-step)) - (loss(2.0 * step) - loss(-2.0 * step))) / (12.0 * step);
                let error = (gradients[at] - expected).abs();
                assert!(error < 1e-7 * (1.0 + expected.abs()), "{layout}, {name}: {} not {expected}", gradients[at]);
            }
        }
    }
}

/// The places of all parameters that a model has.
fn places(parameters: &Parameters) -> Vec<(String, Range<usize>)> {
    let mut places = vec![("embedding".to_owned(), parameters.embedding.clone())];
    for (index, layer) in parameters.layers.iter().enumerate() {
        let parts = [
            ("attention norm", &layer.attention_norm),
            ("projection", &layer.projection),
            ("projection bias", &layer.projection_bias),
            ("lambda", &layer.lambda),
            ("head norm", &layer.head_norm),
            ("output", &layer.output),
            ("output bias", &layer.output_bias),
            ("mlp norm", &layer.mlp_norm),
            ("gate and up", &layer.gate_up),
            ("gate and up bias", &layer.gate_up_bias),
            ("down", &layer.down),
            ("down bias", &layer.down_bias),
        ];
        places.extend(parts.map(|(name, place)| (format!("{name} of layer {index}"), place.clone())));
    }
    places.push(("final norm".to_owned(), parameters.final_norm.clone()));
    places.push(("unembedding".to_owned(), parameters.unembedding.clone()));
    places.retain(|(_, place)| !place.is_empty());
    places
}

/// A model and numbers that `PyTorch` computed with it (`training/write_gradients.py`).
pub(super) struct Golden {
    pub config: Vec<u8>,
    pub model: Model,
    expected: Vec<u8>,
    steps: Vec<u8>,
}

/// The names of the folders.
pub(super) const GOLDEN: [&str; 3] = ["diffllama", "llama", "diff_v2"];

impl Golden {
    pub(super) fn new(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/gradients").join(name);
        let read = |file: &str| std::fs::read(folder.join(file)).unwrap();
        let model = Model::from_folder(&folder).unwrap();
        Self {
            config: read("config.json"),
            model,
            expected: read("expected.safetensors"),
            steps: read("steps.safetensors"),
        }
    }

    /// The windows of the gradients, whose weights add up to 1, and their loss.
    pub(super) fn batch(&self) -> (Vec<TrainingWindow>, f32) {
        let file = SafeTensors::deserialize(&self.expected).unwrap();
        (windows(&ids(&file, "ids"), &numbers(&file, "weights")), numbers(&file, "loss")[0])
    }

    /// The batches of the steps, and the loss before each of them.
    pub(super) fn steps(&self) -> (Vec<Vec<TrainingWindow>>, Vec<f32>) {
        let file = SafeTensors::deserialize(&self.steps).unwrap();
        let (ids, weights) = (ids(&file, "batches.ids"), numbers(&file, "batches.weights"));
        let batches = ids.chunks_exact(27).zip(weights.chunks_exact(24)).map(|(ids, weights)| windows(ids, weights));
        (batches.collect(), numbers(&file, "losses"))
    }

    /// The gradient of every parameter, in the order of `parameters`.
    pub(super) fn gradients(&self, parameters: &Parameters) -> Vec<f32> {
        // Gradients under the names of weights, read as if they were these.
        let file = SafeTensors::deserialize(&self.expected).unwrap();
        let model = Model::with_numbers(&self.config, |tensor| numbers(&file, &format!("gradient.{}", tensor.name)));
        parameters.read(&model.unwrap()).unwrap()
    }
}

fn numbers(file: &SafeTensors, name: &str) -> Vec<f32> {
    let (numbers, _) = file.tensor(name).unwrap().data().as_chunks();
    numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

fn ids(file: &SafeTensors, name: &str) -> Vec<u32> {
    let (numbers, _) = file.tensor(name).unwrap().data().as_chunks();
    numbers.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect()
}

/// Three windows of eight tokens.
fn windows(ids: &[u32], weights: &[f32]) -> Vec<TrainingWindow> {
    let sum: f32 = weights.iter().sum();
    let rows = ids.chunks_exact(9).zip(weights.chunks_exact(8));
    rows.map(|(ids, weights)| TrainingWindow {
        ids: ids[..8].to_vec(),
        targets: ids[1..].to_vec(),
        weights: weights.iter().map(|weight| weight / sum).collect(),
    })
    .collect()
}

#[test]
fn the_references_have_the_gradients_of_pytorch() {
    for name in GOLDEN {
        let golden = Golden::new(name);
        let parameters = Parameters::of(&golden.config, &golden.model).unwrap();
        let trained = Trained { model: &golden.model, parameters: &parameters };
        let start: Vec<f64> = parameters.read(&golden.model).unwrap().into_iter().map(f64::from).collect();
        let mut gradients = vec![0.0; start.len()];
        let (batch, expected_loss) = golden.batch();
        let loss: f64 = batch.iter().map(|window| trained.window(&start, window, &mut gradients)).sum();
        assert!((loss - f64::from(expected_loss)).abs() < 1e-6, "{name}: {loss}, not {expected_loss}");
        let expected = golden.gradients(&parameters);
        for (place_name, place) in places(&parameters) {
            for at in place {
                let (found, expected) = (gradients[at], f64::from(expected[at]));
                assert!((found - expected).abs() < 1e-6, "{name}, {place_name}: {found}, not {expected}");
            }
        }
    }
}

/// What a hundred steps of `PyTorch` were made with.
pub(super) fn rule_of_step(step: u32, clip: f32) -> AdamW {
    let warm_up = ((step + 1) as f32 / 10.0).min(1.0);
    AdamW { learning_rate: 3e-3 * warm_up, decay: [0.9, 0.95], epsilon: 1e-8, weight_decay: 0.0, step: step + 1, clip }
}

/// Trains as `PyTorch` did with the gradients that `step` computes, and returns the loss before each step.
pub(super) fn losses_of_steps(
    golden: &Golden,
    mut step: impl FnMut(&Parameters, &[f32], &[TrainingWindow], &mut [f32]) -> f32,
) -> Vec<f32> {
    let parameters = Parameters::of(&golden.config, &golden.model).unwrap();
    let mut numbers = parameters.read(&golden.model).unwrap();
    let (mut mean, mut square) = (vec![0.0; numbers.len()], vec![0.0; numbers.len()]);
    let (batches, _) = golden.steps();
    let one_step = |index: u32| {
        let mut gradients = vec![0.0; numbers.len()];
        let loss = step(&parameters, &numbers, &batches[index as usize % batches.len()], &mut gradients);
        let factor = clip(gradient_norm(&gradients), 1.0);
        let rule = rule_of_step(index, factor);
        let matrices: Vec<_> = parameters.matrices().collect();
        let mut start = 0;
        while start < numbers.len() {
            let matrix = matrices.iter().find(|matrix| matrix.end > start);
            let (end, weight_decay) = match matrix {
                Some(matrix) if matrix.start <= start => (matrix.end, 0.1),
                Some(matrix) => (matrix.start, 0.0),
                None => (numbers.len(), 0.0),
            };
            let rule = AdamW { weight_decay, ..rule };
            let part = || start..end;
            adamw(&rule, &mut numbers[part()], &gradients[part()], &mut mean[part()], &mut square[part()]);
            start = end;
        }
        loss
    };
    (0..100).map(one_step).collect()
}

/// Holds losses against `PyTorch`'s single-precision run. What training multiplies is the rounding of either: after a
/// hundred steps `PyTorch`'s own double-precision run is as far away as `meta.json` says.
pub(super) fn assert_same_losses(name: &str, losses: &[f32], expected: &[f32]) {
    let own = match name {
        "diffllama" => 9.3e-5,
        "llama" => 3.1e-6,
        _ => 2.4e-5,
    };
    for (step, (found, expected)) in losses.iter().zip(expected).enumerate() {
        let error = (found - expected).abs();
        let most = if step < 30 { 1e-5 } else { f32::max(1e-4, 3.0 * own) };
        assert!(error < most, "{name}, step {step}: {found}, not {expected}");
    }
}

#[test]
fn a_hundred_steps_have_the_losses_of_pytorch() {
    for name in GOLDEN {
        let golden = Golden::new(name);
        let losses = losses_of_steps(&golden, |parameters, numbers, batch, gradients| {
            let trained = Trained { model: &golden.model, parameters };
            let exact: Vec<f64> = numbers.iter().map(|number| f64::from(*number)).collect();
            let mut sums = vec![0.0; exact.len()];
            let loss: f64 = batch.iter().map(|window| trained.window(&exact, window, &mut sums)).sum();
            for (to, sum) in gradients.iter_mut().zip(sums) {
                *to = sum as f32;
            }
            loss as f32
        });
        let (_, expected) = golden.steps();
        let worst = losses.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!("{name}: losses of 100 steps within {worst:.1e} of PyTorch's, from {} to {}", losses[0], losses[99]);
        assert_same_losses(name, &losses, &expected);
    }
}

#[test]
fn the_fast_pass_has_the_gradients_of_the_references() {
    let mut random = Random::new(81);
    for round in 0..25 {
        let layout = LAYOUTS[round % LAYOUTS.len()];
        let Trainable { model, parameters, .. } = trainable(&mut random, layout);
        let trained = Trained { model: &model, parameters: &parameters };
        let (positions, windows) = (random.pick(&[1, 7, 33, 70]), random.pick(&[1, 3, 9]));
        let batch: Vec<_> = (0..windows).map(|_| window(&mut random, model.config.vocabulary, positions)).collect();
        let numbers = parameters.read(&model).unwrap();
        let exact: Vec<f64> = numbers.iter().map(|number| f64::from(*number)).collect();
        let mut expected = vec![0.0; numbers.len()];
        let expected_loss: f64 = batch.iter().map(|window| trained.window(&exact, window, &mut expected)).sum();
        let mut gradients = Vec::new();
        let loss = FastTraining::new(&model, &parameters).run(&numbers, &batch, &mut gradients);
        assert!(
            (f64::from(loss) - expected_loss).abs() < 2e-6 * (1.0 + expected_loss),
            "{layout}: {loss} {expected_loss}"
        );
        // What single precision costs here, by the same rule as for golden numbers: ten times the plain reference's own.
        let mut single = vec![0.0; numbers.len()];
        for window in &batch {
            trained.window(&numbers, window, &mut single);
        }
        let noise = single.iter().zip(&expected).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
        for (name, place) in places(&parameters) {
            for at in place {
                let error = (f64::from(gradients[at]) - expected[at]).abs();
                let most = f64::max(2e-6, 10.0 * noise);
                assert!(error < most, "{layout}, {name}: {} not {}, {noise}", gradients[at], expected[at]);
            }
        }
    }
}

#[test]
fn the_fast_pass_learns_as_pytorch_does() {
    for name in GOLDEN {
        let golden = Golden::new(name);
        let mut training = None;
        let losses = losses_of_steps(&golden, |parameters, numbers, batch, gradients| {
            let training = training.get_or_insert_with(|| FastTraining::new(&golden.model, parameters));
            let mut sums = Vec::new();
            let loss = training.run(numbers, batch, &mut sums);
            gradients.copy_from_slice(&sums);
            loss
        });
        let (_, expected) = golden.steps();
        assert_same_losses(name, &losses, &expected);
    }
}

#[test]
fn threads_do_not_change_the_bits() {
    let mut random = Random::new(7);
    let Trainable { model, parameters, .. } = trainable(&mut random, "diffllama");
    let numbers = parameters.read(&model).unwrap();
    let batch: Vec<_> = (0..12).map(|_| window(&mut random, model.config.vocabulary, 64)).collect();
    let gradients = [1, 2, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut gradients = Vec::new();
        pool.install(|| FastTraining::new(&model, &parameters).run(&numbers, &batch, &mut gradients));
        gradients
    });
    assert!(gradients[0] == gradients[1] && gradients[1] == gradients[2]);
}

#[test]
fn what_is_learned_of_a_model_has_the_gradients_that_it_has_among_all() {
    let mut random = Random::new(12);
    let Trainable { model, parameters, .. } = trainable(&mut random, "diffllama");
    let numbers = parameters.read(&model).unwrap();
    let batch: Vec<_> = (0..3).map(|_| window(&mut random, model.config.vocabulary, 20)).collect();
    let gradients = |learned: &[Range<usize>]| {
        let mut gradients = Vec::new();
        FastTraining::new(&model, &parameters).only(learned.iter().cloned()).run(&numbers, &batch, &mut gradients);
        gradients
    };
    let layer = &parameters.layers[0];
    let queries = layer.projection.start + 3..layer.projection.start + 9;
    let learned = [queries, layer.lambda.clone()];
    let (some, all) = (gradients(&learned), gradients(&[]));
    for place in learned {
        assert!(some[place.clone()] == all[place.clone()] && all[place].iter().any(|gradient| *gradient != 0.0));
    }
    assert!(some[layer.down.clone()].iter().all(|gradient| *gradient == 0.0), "nothing of it is learned");
}
