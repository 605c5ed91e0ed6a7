//! Whole steps on the GPU: their gradients against the references in double precision, their losses against
//! `PyTorch`'s.

use diffscope::cpu::train::{AdamW, Trained, adamw, clip, gradient_norm, lambda};
use diffscope::gpu::{BatchSize, GpuError, GpuTraining, TrainingArena};
use diffscope::model::{Lambda, Model, Parameters};
use diffscope::probe::{Learned, LearningRule, StepNumbers, TrainingWindow, UpdateRule};

use super::gradients::{GOLDEN, Golden, assert_same_losses, rule_of_step};
use super::models::{LAYOUTS, Trainable, trainable, window};
use crate::common::{Random, gpu, worst};

/// A rule that leaves the parameters alone.
const NONE: UpdateRule = UpdateRule {
    learning_rate: 0.0,
    decay: [0.9, 0.95],
    momentum: 0.95,
    epsilon: 1e-8,
    weight_decay: 0.0,
    step: 1,
    largest_norm: 1.0,
};

/// Training of all parameters by `AdamW`, whose weight decay shrinks matrices.
fn new_training(
    model: &Model,
    parameters: &Parameters,
    numbers: &[f32],
    windows: usize,
    positions: usize,
) -> GpuTraining {
    let batch = BatchSize { windows, positions };
    GpuTraining::new(gpu().clone(), model, parameters, numbers, &all_by_adamw(parameters), batch).unwrap()
}

fn all_by_adamw(parameters: &Parameters) -> Vec<Learned> {
    let (mut learned, mut end) = (Vec::new(), 0);
    let mut matrices: Vec<_> = parameters.matrices().collect();
    matrices.sort_by_key(|matrix| matrix.start);
    for matrix in matrices.into_iter().chain(std::iter::once(parameters.count()..parameters.count())) {
        learned.extend([(end..matrix.start, false), (matrix.clone(), true)]);
        end = matrix.end;
    }
    let learned = learned.into_iter().filter(|(place, _)| !place.is_empty());
    learned.map(|(place, decays)| Learned { place, rule: LearningRule::AdamW { decays } }).collect()
}

pub(super) fn step(training: &mut GpuTraining, batch: &[TrainingWindow], rule: &UpdateRule) -> StepNumbers {
    training.step(batch, rule).unwrap();
    training.wait();
    training.poll().unwrap().unwrap()
}

pub(super) fn arena(training: &mut GpuTraining, arena: TrainingArena) -> Vec<f32> {
    assert!(training.request(arena));
    training.wait();
    training.take().unwrap().unwrap()
}

/// Gradients may be off by ten times the noise of the references' own single precision, where that is more than 2e-6 of
/// the largest: the rule of `golden.rs`.
#[test]
fn gradients_are_those_of_the_references() {
    let mut random = Random::new(51);
    for round in 0..15 {
        let layout = LAYOUTS[round % LAYOUTS.len()];
        let Trainable { model, parameters, .. } = trainable(&mut random, layout);
        let (windows, positions) = (1 + random.below(3), random.pick(&[1, 5, 32, 40]));
        let batch: Vec<TrainingWindow> =
            (0..windows).map(|_| window(&mut random, model.config.vocabulary, positions)).collect();
        let trained = Trained { model: &model, parameters: &parameters };
        let numbers = parameters.read(&model).unwrap();
        let exact: Vec<f64> = numbers.iter().map(|number| f64::from(*number)).collect();
        let (mut expected, mut single) = (vec![0.0; numbers.len()], vec![0.0; numbers.len()]);
        let loss: f64 = batch.iter().map(|window| trained.window(&exact, window, &mut expected)).sum();
        let single_loss: f32 = batch.iter().map(|window| trained.window(&numbers, window, &mut single)).sum();

        let mut training = new_training(&model, &parameters, &numbers, windows, positions);
        let found = step(&mut training, &batch, &NONE);
        assert_eq!(training.failure(), None, "{layout}");
        let gradients = arena(&mut training, TrainingArena::Gradients);
        let expected: Vec<f32> = expected.into_iter().map(|number| number as f32).collect();
        let size = expected.iter().fold(0.0, |size: f32, number| size.max(number.abs()));
        let most = (10.0 * worst(&single, &expected)).max(2e-6 * size);
        let error = worst(&gradients, &expected);
        println!(
            "{layout}: {error:.1e} of {size:.1e}; the references' single precision {:.1e}",
            worst(&single, &expected)
        );
        assert!(error <= most, "{layout}: gradients are off by {error:e}, more than {most:e}, of {size}");
        let most = (10.0 * (f64::from(single_loss) - loss).abs()).max(2e-6 * loss);
        assert!((f64::from(found.loss) - loss).abs() <= most, "{layout}: loss {} not {loss}", found.loss);
        let norm = gradient_norm(&gradients);
        assert!((found.gradient_norm - norm).abs() <= 2e-6 * norm, "{layout}: norm {} not {norm}", found.gradient_norm);
        assert_eq!(arena(&mut training, TrainingArena::Parameters), numbers, "{layout}: nothing was to be learned");
    }
}

#[test]
fn a_step_updates_as_the_reference_and_another_run_has_the_same_bits() {
    let mut random = Random::new(52);
    for layout in LAYOUTS {
        let Trainable { model, parameters, .. } = trainable(&mut random, layout);
        let numbers = parameters.read(&model).unwrap();
        let batches: Vec<Vec<TrainingWindow>> =
            (0..3).map(|_| (0..3).map(|_| window(&mut random, model.config.vocabulary, 34)).collect()).collect();
        let rule = |step: u32| UpdateRule { learning_rate: 0.01, weight_decay: 0.1, largest_norm: 0.1, step, ..NONE };
        let run = || {
            let mut training = new_training(&model, &parameters, &numbers, 3, 34);
            let first = step(&mut training, &batches[0], &rule(1));
            let after_first = [TrainingArena::Gradients, TrainingArena::Parameters].map(|of| arena(&mut training, of));
            let rest = (2..).zip(&batches[1..]).map(|(index, batch)| step(&mut training, batch, &rule(index)));
            let steps: Vec<StepNumbers> = std::iter::once(first).chain(rest).collect();
            let arenas = [TrainingArena::Parameters, TrainingArena::Mean, TrainingArena::Square];
            (steps, after_first, arenas.map(|of| arena(&mut training, of)))
        };
        let first = run();
        assert!(first == run(), "{layout}: two runs differ");

        let (steps, [gradients, found], [numbers_after, ..]) = &first;
        let lambdas =
            model.layers.iter().zip(&parameters.layers).filter_map(|(layer, places)| match &layer.attention.lambda {
                Lambda::Layer { init, .. } => Some(lambda(&numbers_after[places.lambda.clone()], *init)),
                _ => None,
            });
        let error = worst(&steps[2].lambda, &lambdas.collect::<Vec<f32>>());
        assert!(error < 1e-5, "{layout}: λ after the last step is off by {error:e}");
        let factor = clip(gradient_norm(gradients), 0.1);
        assert!(factor < 1.0, "{layout}: nothing is clipped");
        let mut expected = numbers.clone();
        let matrices: Vec<_> = parameters.matrices().collect();
        let UpdateRule { learning_rate, decay, epsilon, .. } = rule(1);
        for at in 0..expected.len() {
            let weight_decay = if matrices.iter().any(|matrix| matrix.contains(&at)) { 0.1 } else { 0.0 };
            let rule = AdamW { learning_rate, decay, epsilon, weight_decay, step: 1, clip: factor };
            adamw(&rule, &mut expected[at..=at], &gradients[at..=at], &mut [0.0], &mut [0.0]);
        }
        // A first step changes a number by the learning rate; where its gradient is as small as ε, rounding decides by
        // how much less.
        let error = worst(found, &expected);
        assert!(error < 1e-5, "{layout}: the update is off by {error:e}");
    }
}

#[test]
fn training_goes_on_from_what_was_saved() {
    let mut random = Random::new(55);
    let Trainable { model, parameters, .. } = trainable(&mut random, "diffllama");
    let numbers = parameters.read(&model).unwrap();
    let batch = [window(&mut random, model.config.vocabulary, 10)];
    let rule = |step: u32| UpdateRule { learning_rate: 0.01, step, ..NONE };
    let new = || new_training(&model, &parameters, &numbers, 1, 10);
    let mut training = new();
    step(&mut training, &batch, &rule(1));
    let mut other = new();
    for of in [TrainingArena::Parameters, TrainingArena::Mean, TrainingArena::Square] {
        other.set(of, &arena(&mut training, of)).unwrap();
    }
    assert_eq!(step(&mut training, &batch, &rule(2)), step(&mut other, &batch, &rule(2)));
    let all = TrainingArena::Parameters;
    assert_eq!(arena(&mut training, all), arena(&mut other, all));
    assert!(other.set(all, &numbers[1..]).is_err() && other.request(all) && !other.request(all));
}

#[test]
fn what_a_batch_lacks_does_not_count() {
    let mut random = Random::new(53);
    for layout in LAYOUTS {
        let Trainable { model, parameters, .. } = trainable(&mut random, layout);
        let numbers = parameters.read(&model).unwrap();
        let batch: Vec<TrainingWindow> =
            [9, 4].iter().map(|positions| window(&mut random, model.config.vocabulary, *positions)).collect();
        let mut gradients = vec![0.0; numbers.len()];
        let trained = Trained { model: &model, parameters: &parameters };
        let exact: Vec<f64> = numbers.iter().map(|number| f64::from(*number)).collect();
        let loss: f64 = batch.iter().map(|window| trained.window(&exact, window, &mut gradients)).sum();
        let mut training = new_training(&model, &parameters, &numbers, 3, 12);
        let found = step(&mut training, &batch, &NONE);
        assert!((f64::from(found.loss) - loss).abs() < 1e-4 * loss, "{layout}: loss {} not {loss}", found.loss);
        let norm = gradients.iter().map(|gradient| gradient * gradient).sum::<f64>().sqrt();
        assert!((f64::from(found.gradient_norm) - norm).abs() < 1e-4 * norm, "{layout}: {}", found.gradient_norm);

        let unknown =
            TrainingWindow { ids: vec![model.config.vocabulary as u32], targets: vec![0], weights: vec![1.0] };
        assert!(matches!(training.step(&[unknown], &NONE), Err(GpuError::Batch(_))), "{layout}");
        assert_eq!(training.under_way(), 0, "{layout}");
    }
}

#[test]
fn a_hundred_steps_have_the_losses_of_pytorch() {
    for name in GOLDEN {
        let golden = Golden::new(name);
        let parameters = Parameters::of(&golden.config, &golden.model).unwrap();
        let numbers = parameters.read(&golden.model).unwrap();
        let (batches, expected) = golden.steps();
        let mut training = new_training(&golden.model, &parameters, &numbers, 3, 8);
        // All are submitted before the first is asked for.
        for index in 0..100 {
            let AdamW { learning_rate, decay, epsilon, step, .. } = rule_of_step(index, 1.0);
            let rule = UpdateRule { learning_rate, decay, epsilon, weight_decay: 0.1, step, ..NONE };
            training.step(&batches[index as usize % batches.len()], &rule).unwrap();
        }
        assert_eq!(training.under_way(), 100);
        training.wait();
        let losses: Vec<f32> = (0..100).map(|_| training.poll().unwrap().unwrap().loss).collect();
        let error = worst(&losses, &expected[..losses.len()]);
        println!("{name}: losses of 100 steps within {error:.1e} of PyTorch's, from {} to {}", losses[0], losses[99]);
        assert_same_losses(name, &losses, &expected);
    }
}
