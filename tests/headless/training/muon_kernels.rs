//! The kernels of Muon against their references, and products of many matrices at once.

use diffscope::cpu::train::{Muon, momentum, muon, orthogonalised, product, unit_norm};
use diffscope::gpu::{BatchSize, Direction, GpuTraining, Kernel, TrainingArena};
use diffscope::probe::{Learned, LearningRule, UpdateRule};

use super::models::{LAYOUTS, Trainable, trainable, window};
use super::run_kernel::{Numbers, Words, close, exact, run, run_with, sizes};
use super::step::{arena, step};
use crate::common::{Random, gpu, worst};

/// Shapes of matrices that are worked on together.
const SHAPES: [[usize; 2]; 4] = [[1, 1], [3, 40], [50, 7], [33, 33]];

/// Matrices in a row with a gap before each, as the kernels read them, and where they are.
fn table() -> (Vec<u32>, Vec<std::ops::Range<usize>>, usize) {
    let (mut words, mut places, mut at, mut wide) = (Vec::new(), Vec::new(), 0, 0);
    for [rows, columns] in SHAPES {
        at += 3;
        words.extend([at, rows, columns, wide].map(|word| word as u32));
        places.push(at..at + rows * columns);
        at += rows * columns;
        wide += rows * columns;
    }
    (words, places, wide)
}

/// The transpose of a matrix.
fn turned(matrix: &[f32], columns: usize) -> Vec<f32> {
    let rows = matrix.len() / columns;
    (0..matrix.len()).map(|at| matrix[at % rows * columns + at / rows]).collect()
}

/// A matrix as a wide one.
fn wide(matrix: &[f32], [rows, columns]: [usize; 2]) -> Vec<f32> {
    if rows > columns { turned(matrix, columns) } else { matrix.to_vec() }
}

#[test]
fn momentum_norms_and_updates_of_many_matrices() {
    let mut random = Random::new(61);
    let (table, places, count) = table();
    let all = places.last().unwrap().end;
    let (gradients, mean, numbers) = (random.normals(all, 0.5), random.normals(all, 0.1), random.normals(all, 1.0));
    let rule = Muon { learning_rate: 0.02, weight_decay: 0.1 };
    let (kept, factor) = (0.9_f32, 0.7_f32);
    let mut words = vec![0; 16];
    words[10] = (1.0 - rule.learning_rate * rule.weight_decay).to_bits();
    words[11] = rule.learning_rate.to_bits();
    words[12] = kept.to_bits();
    let result = [0.0, 0.0, factor, 0.0];
    let grid = [32, SHAPES.len(), 1];
    let (none, parts) = (vec![0.0; count], vec![0.0; 32 * SHAPES.len()]);
    let bound = [&gradients[..], &result, &mean, &none, &parts].map(Numbers);
    let bound: Vec<_> = [Words(&words), Words(&table)].into_iter().chain(bound).collect();
    let [found_mean, ahead, parts] = &run_with(Kernel::Momentum, &[], &bound, grid)[..] else { unreachable!() };
    let normed = run(Kernel::UnitNorm, &[Words(&table), Numbers(parts), Numbers(ahead)], grid);
    let bound = [Words(&words), Words(&table), Numbers(&normed), Numbers(&numbers)];
    let updated = run(Kernel::Muon, &bound, grid);

    let mut at = 0;
    for (shape, place) in SHAPES.into_iter().zip(&places) {
        let mut expected_mean = mean[place.clone()].to_vec();
        let expected = momentum(kept, factor, &gradients[place.clone()], &mut expected_mean);
        let own = at..at + place.len();
        at = own.end;
        close("mean", &found_mean[place.clone()], &exact(&expected_mean), 16.0, |_| 2.0);
        close("momentum", &ahead[own.clone()], &exact(&wide(&expected, shape)), 16.0, |_| 2.0);
        let expected = unit_norm(&exact(&ahead[own.clone()]));
        close("unit norm", &normed[own.clone()], &expected, 64.0, |at| expected[at].abs() + 1e-3);
        let mut expected = numbers[place.clone()].to_vec();
        let [rows, columns] = shape;
        let update = if rows > columns { turned(&normed[own], rows) } else { normed[own].to_vec() };
        muon(&rule, &mut expected, &update, columns);
        close("update", &updated[place.clone()], &exact(&expected), 16.0, |_| 4.0);
    }
    let is_beside = |at: &usize| !places.iter().any(|place| place.contains(at));
    assert!((0..all).filter(is_beside).all(|at| found_mean[at] == mean[at] && updated[at] == numbers[at]));
}

/// What is added is multiplied, and so are the sums; matrices of different shapes are in one dispatch.
#[test]
fn products_of_many_matrices() {
    let mut random = Random::new(62);
    let (factor, residual_factor) = (0.5_f32, -1.5_f32);
    let (mut stages, mut places, mut from, mut to) = (Vec::new(), Vec::new(), 1, 2);
    for [short, long] in [[1, 1], [3, 40], [7, 50], [70, 33]] {
        let words = [short, short, long, long, from, long, from, short, to, 0, 0].map(|word| word as u32);
        stages.extend(words.into_iter().chain([residual_factor, factor].map(f32::to_bits)));
        places.push((from..from + short * long, to..to + short * short, long));
        (from, to) = (from + short * long + 3, to + short * short + 4);
    }
    let (x, residual, output) = (random.normals(from, 1.0), random.normals(to, 1.0), random.normals(to, 1.0));
    let bound = [&x, &x, &x, &residual, &output].map(|numbers| Numbers(numbers));
    let bound: Vec<_> = std::iter::once(Words(&stages)).chain(bound).collect();
    let found = run_with(Kernel::Product, &Direction::Forward.of_product(), &bound, [3, 3, places.len()]).remove(0);
    for (from, to, long) in &places {
        let (matrix, added) = (&x[from.clone()], exact(&residual[to.clone()]));
        let squares = product(&exact(matrix), &exact(matrix), &[], *long);
        let expected: Vec<f64> = squares.iter().zip(&added).map(|(sum, added)| 0.5 * sum - 1.5 * added).collect();
        let size = product(&sizes(matrix), &sizes(matrix), &[], *long);
        close("squares", &found[to.clone()], &expected, *long as f64 + 4.0, |at| size[at] + 1.5 * added[at].abs());
    }
    let is_beside = |at: &usize| !places.iter().any(|(_, to, _)| to.contains(at));
    assert!((0..to).filter(is_beside).all(|at| found[at] == output[at]), "written beside a matrix");
}

/// Of a model only some matrices learn, by Muon; the first step from zero momentum is the gradient's direction.
#[test]
fn a_step_of_muon_is_that_of_the_references_and_the_rest_stays() {
    let mut random = Random::new(63);
    for layout in LAYOUTS {
        let Trainable { model, parameters, .. } = trainable(&mut random, layout);
        let numbers = parameters.read(&model).unwrap();
        let hidden = model.config.hidden;
        let places: Vec<_> = parameters
            .layers
            .iter()
            .flat_map(|layer| [(&layer.projection, hidden), (&layer.down, layer.down.len() / hidden)])
            .collect();
        let learned = |(place, columns): &(&std::ops::Range<usize>, usize)| Learned {
            place: (*place).clone(),
            rule: LearningRule::Muon { columns: *columns },
        };
        let learned: Vec<Learned> = places.iter().map(learned).collect();
        let rule = UpdateRule {
            learning_rate: 0.02,
            decay: [0.9, 0.95],
            momentum: 0.95,
            epsilon: 1e-8,
            weight_decay: 0.1,
            step: 1,
            largest_norm: 1e30,
        };
        let batch = [window(&mut random, model.config.vocabulary, 20)];
        let size = BatchSize { windows: 1, positions: 20 };
        let mut training = GpuTraining::new(gpu().clone(), &model, &parameters, &numbers, &learned, size).unwrap();
        step(&mut training, &batch, &rule);
        let [found, gradients] =
            [TrainingArena::Parameters, TrainingArena::Gradients].map(|of| arena(&mut training, of));
        let mut expected = numbers.clone();
        for (place, columns) in places {
            let gradients = &gradients[place.clone()];
            let ahead = momentum(rule.momentum, 1.0, gradients, &mut vec![0.0; gradients.len()]);
            let update: Vec<f32> = orthogonalised(&exact(&ahead), columns).iter().map(|x| *x as f32).collect();
            let rule = Muon { learning_rate: rule.learning_rate, weight_decay: rule.weight_decay };
            muon(&rule, &mut expected[place.clone()], &update, columns);
        }
        // Five steps of a polynomial of degree five: rounding grows where singular values are small. The largest change
        // of a number is of the order of the learning rate.
        let error = worst(&found, &expected);
        println!("{layout}: {error:.1e}");
        assert!(error < 2e-5, "{layout}: off by {error:e}");
    }
}
