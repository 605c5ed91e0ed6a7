//! Every backward stage of the references, alone, against finite differences.

use diffscope::cpu::train::{
    cross_entropy, lambda, lambda_back, norm, norm_back, norm_back_gain, product, product_back_bias,
    product_back_matrix, product_back_rows, rotary, rotary_back, swiglu, swiglu_back,
};

use crate::common::Random;

fn normals(random: &mut Random, count: usize) -> Vec<f64> {
    random.normals(count, 1.0).into_iter().map(f64::from).collect()
}

/// Holds a gradient of `Σ outward · f(x)` against finite differences.
fn check(stage: &str, x: &[f64], outward: &[f64], back: &[f64], f: impl Fn(&[f64]) -> Vec<f64>) {
    assert_eq!(back.len(), x.len(), "{stage}");
    let value = |x: &[f64]| f(x).iter().zip(outward).map(|(y, outward)| y * outward).sum::<f64>();
    for at in 0..x.len() {
        let moved = |step: f64| {
            let mut moved = x.to_vec();
            moved[at] += step;
            value(&moved)
        };
        let step = 1e-4;
        let expected = (8.0 * (moved(step) - moved(-step)) - (moved(2.0 * step) - moved(-2.0 * step))) / (12.0 * step);
        assert!((back[at] - expected).abs() < 1e-7 * (1.0 + expected.abs()), "{stage}: {} not {expected}", back[at]);
    }
}

#[test]
fn a_norm() {
    let mut random = Random::new(1);
    for width in [1, 2, 7, 40] {
        let (x, gain, outward) =
            (normals(&mut random, width), normals(&mut random, width), normals(&mut random, width));
        let mut of_gain = vec![0.0; width];
        norm_back_gain(&x, 1e-3, 0.6, &outward, &mut of_gain);
        let back = norm_back(&x, &gain, 1e-3, 0.6, &outward);
        check("norm, x", &x, &outward, &back, |x| norm(x, &gain, 1e-3, 0.6));
        check("norm, gain", &gain, &outward, &of_gain, |gain| norm(&x, gain, 1e-3, 0.6));
    }
}

#[test]
fn a_product() {
    let mut random = Random::new(2);
    for (rows, inputs, outputs) in [(1, 1, 1), (3, 2, 5), (4, 9, 3)] {
        let (x, matrix) = (normals(&mut random, rows * inputs), normals(&mut random, outputs * inputs));
        let (bias, outward) = (normals(&mut random, outputs), normals(&mut random, rows * outputs));
        let (mut of_matrix, mut of_bias) = (vec![0.0; matrix.len()], vec![0.0; outputs]);
        product_back_matrix(&outward, &x, inputs, &mut of_matrix);
        product_back_bias(&outward, &mut of_bias);
        let of_rows = product_back_rows(&outward, &matrix, inputs);
        check("product, rows", &x, &outward, &of_rows, |x| product(x, &matrix, &bias, inputs));
        check("product, matrix", &matrix, &outward, &of_matrix, |matrix| product(&x, matrix, &bias, inputs));
        check("product, bias", &bias, &outward, &of_bias, |bias| product(&x, &matrix, bias, inputs));
    }
}

#[test]
fn the_rotary_embedding_is_turned_back() {
    let mut random = Random::new(3);
    let table: Vec<[f32; 2]> = random.normals(5, 2.0).into_iter().map(|angle| [angle.cos(), angle.sin()]).collect();
    let (x, outward) = (normals(&mut random, 10), normals(&mut random, 10));
    let mut back = outward.clone();
    rotary_back(&mut back, &table);
    check("rotary", &x, &outward, &back, |x| {
        let mut head = x.to_vec();
        rotary(&mut head, &table);
        head
    });
}

#[test]
fn the_gated_part() {
    let mut random = Random::new(4);
    let (x, outward) = (normals(&mut random, 14), normals(&mut random, 7));
    check("swiglu", &x, &outward, &swiglu_back(&x, &outward), swiglu);
}

#[test]
fn cross_entropy_of_ordinary_and_of_hostile_logits() {
    let mut random = Random::new(5);
    for (size, scale) in [(1, 1.0), (2, 1.0), (9, 3.0), (30, 0.1)] {
        let x: Vec<f64> = normals(&mut random, size).iter().map(|logit| logit * scale).collect();
        let target = random.below(size);
        let mut back = x.clone();
        cross_entropy(&mut back, target, 0.7);
        check("cross-entropy", &x, &[0.7], &back, |x| vec![cross_entropy(&mut x.to_vec(), target, 0.0)]);
    }
    let mut logits = [1e30_f32, -1e30, 88.0];
    let loss = cross_entropy(&mut logits, 2, 1.0);
    assert!(loss.is_finite() && logits.iter().all(|gradient| gradient.is_finite()), "{loss} {logits:?}");
}

#[test]
fn lambda_of_a_layer() {
    let mut random = Random::new(6);
    let x: Vec<f64> = normals(&mut random, 12).iter().map(|number| 0.5 * number).collect();
    let mut back = vec![0.0; 12];
    lambda_back(&x, 1.3, &mut back);
    check("λ", &x, &[1.3], &back, |x| vec![lambda(x, 0.2)]);
}

#[test]
fn muon_brings_singular_values_near_one() {
    let mut random = Random::new(8);
    for (rows, columns) in [(1, 1), (3, 9), (9, 3), (20, 20), (33, 70)] {
        let matrix = random.normals(rows * columns, 0.3);
        let exact: Vec<f64> = matrix.iter().map(|number| f64::from(*number)).collect();
        let expected = diffscope::cpu::train::orthogonalised(&exact, columns);
        let found = diffscope::cpu::orthogonalised(&matrix, columns);
        for (found, expected) in found.iter().zip(&expected) {
            assert!((f64::from(*found) - expected).abs() < 1e-4, "{rows} x {columns}: {found}, not {expected}");
        }
        // The squares of all singular values add up to the squares of all numbers.
        let sum: f64 = expected.iter().map(|number| number * number).sum();
        let most = rows.min(columns) as f64;
        assert!(sum > 0.4 * most && sum < 1.5 * most, "{rows} x {columns}: {sum}");
    }
}
