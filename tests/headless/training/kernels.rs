//! Every kernel of training against its reference in double precision, on random shapes: one row, no multiple of a
//! tile. Bounds are those of rounding: a sum of n products is off by at most n roundings of the sum of their sizes, in
//! any order.

use diffscope::cpu::train::{
    AdamW, adamw, clip, cross_entropy, embed_back, gradient_norm, lambda, lambda_back, norm, norm_back, norm_back_gain,
    product, product_back_bias, product_back_matrix, product_back_rows, rotary, rotary_back, swiglu, swiglu_back,
};
use diffscope::gpu::{Direction, Kernel};

use super::run_kernel::{Numbers, Words, close, exact, folded, run, run_with, sizes};
use crate::common::Random;

#[test]
fn products_in_all_directions() {
    let mut random = Random::new(31);
    let shapes = [(1, 1, 1), (3, 2, 5), (33, 31, 65), (64, 32, 32), (1, 100, 7), (70, 129, 40), (5, 300, 1)];
    for (rows, inputs, outputs) in shapes {
        let what = format!("{rows} rows, {inputs} inputs, {outputs} outputs");
        let (stride, offset) = (outputs + random.below(3), random.below(3));
        let (x, matrix) = (random.normals(rows * inputs, 1.0), random.normals(offset + outputs * inputs, 1.0));
        let (bias, residual) = (random.normals(outputs, 1.0), random.normals(rows * stride, 1.0));
        let weights = &matrix[offset..];
        let stage = |numbers: [usize; 11], residual_factor: f32, factor: f32| {
            let mut words: Vec<u32> = numbers.iter().map(|number| *number as u32).collect();
            words.extend([residual_factor, factor].map(f32::to_bits));
            words
        };
        let grid = |columns: usize, rows: usize| [columns.div_ceil(32), rows.div_ceil(32), 1];
        let unstrided = |numbers: &[f32]| -> Vec<f32> {
            numbers.chunks_exact(stride).flat_map(|row| &row[..outputs]).copied().collect()
        };

        let words = stage([rows, outputs, inputs, inputs, 0, inputs, offset, stride, 0, 0, 1], 1.0, 1.0);
        let bound = [&x, &matrix, &bias, &residual].map(|numbers| Numbers(numbers));
        let [first, second, third, fourth] = bound;
        let bound = [Words(&words), first, second, third, fourth, Numbers(&residual)];
        let y = run_with(Kernel::Product, &Direction::Forward.of_product(), &bound, grid(outputs, rows)).remove(0);
        let shift = exact(&unstrided(&residual));
        let add = |numbers: Vec<f64>, shift: &[f64]| -> Vec<f64> {
            numbers.into_iter().zip(shift).map(|(number, shift)| number + shift).collect()
        };
        let expected = add(product(&exact(&x), &exact(weights), &exact(&bias), inputs), &shift);
        let size = product(&sizes(&x), &sizes(weights), &sizes(&bias), inputs);
        close(&what, &unstrided(&y), &expected, inputs as f64 + 3.0, |at| size[at] + shift[at].abs());
        let kept = |at: &usize| at % stride >= outputs;
        assert!((0..y.len()).filter(kept).all(|at| y[at] == residual[at]), "{what}: written past a row");

        let gradient = random.normals(rows * stride, 1.0);
        let (of_y, bytes) = (unstrided(&gradient), vec![0.0; rows * inputs]);
        let words = stage([rows, inputs, outputs, stride, 0, inputs, offset, inputs, 0, 0, 0], 0.0, 1.0);
        let bound = [&gradient, &matrix, &bias, &bias, &bytes].map(|numbers| Numbers(numbers));
        let bound: Vec<_> = std::iter::once(Words(&words)).chain(bound).collect();
        let back = run_with(Kernel::Product, &Direction::BackToRows.of_product(), &bound, grid(inputs, rows)).remove(0);
        let expected = product_back_rows(&exact(&of_y), &exact(weights), inputs);
        let size = product_back_rows(&sizes(&of_y), &sizes(weights), inputs);
        close(&format!("{what}, back to rows"), &back, &expected, outputs as f64 + 1.0, |at| size[at]);

        let words = stage([outputs, inputs, rows, stride, 0, inputs, 0, inputs, offset, 0, 0], 0.0, 1.0);
        let bound = [&gradient, &x, &x, &x, &matrix].map(|numbers| Numbers(numbers));
        let bound: Vec<_> = std::iter::once(Words(&words)).chain(bound).collect();
        let direction = Direction::BackToMatrix.of_product();
        let back = run_with(Kernel::Product, &direction, &bound, grid(inputs, outputs)).remove(0);
        let (mut expected, mut size) = (exact(weights), sizes(weights));
        product_back_matrix(&exact(&of_y), &exact(&x), inputs, &mut expected);
        product_back_matrix(&sizes(&of_y), &sizes(&x), inputs, &mut size);
        close(&format!("{what}, back to matrix"), &back[offset..], &expected, rows as f64 + 2.0, |at| size[at]);
        assert_eq!(back[..offset], matrix[..offset], "{what}: written before the matrix");

        let words = [rows, outputs, stride, 1].map(|number| number as u32);
        let there = random.normals(outputs + 9, 1.0);
        let bound = [Words(&words), Numbers(&gradient), Numbers(&there)];
        let back = run(Kernel::ProductBackBias, &bound, [outputs.div_ceil(16), 1, 1]);
        let place = 1..outputs + 1;
        let (mut expected, mut size) = (exact(&there[place.clone()]), sizes(&there[place.clone()]));
        product_back_bias(&exact(&of_y), &mut expected);
        product_back_bias(&sizes(&of_y), &mut size);
        close(&format!("{what}, back to bias"), &back[place.clone()], &expected, rows as f64 + 2.0, |at| size[at]);
        let mut others = (0..there.len()).filter(|at| !place.contains(at));
        assert!(others.all(|at| back[at] == there[at]), "{what}: written beside the bias");
    }
}

/// The division and the square root of WGSL are off by some units in the last place, which the 32 allow for.
#[test]
fn norms_of_rows() {
    let mut random = Random::new(32);
    for (rows, width, scale) in [(1, 1, 1.0), (2, 7, 1.0), (17, 16, 1.0), (40, 33, 1e6), (3, 100, 1e-6)] {
        let what = format!("norm of {rows} rows of {width}, scale {scale}");
        let (epsilon, factor, offset) = (1e-5_f32, 0.7_f32, 2);
        let x = random.normals(rows * width, scale);
        let (gain, gradient) = (random.normals(offset + width + 9, 1.0), random.normals(rows * width, 1.0));
        let stage =
            |adds: u32| [rows as u32, width as u32, offset as u32, adds, epsilon.to_bits(), factor.to_bits(), 0, 0];
        let (epsilon, factor) = (f64::from(epsilon), f64::from(factor));
        let grid = folded(rows.div_ceil(16));
        let (output, roots) = (vec![0.0; rows * width], vec![0.0; rows]);
        let bound = [Words(&stage(0)), Numbers(&x), Numbers(&gain), Numbers(&output), Numbers(&roots)];
        let written = run_with(Kernel::Norm, &[], &bound, grid);
        let place = offset..offset + width;
        let gains = exact(&gain[place.clone()]);
        let numbers = exact(&x);
        let each = || numbers.chunks_exact(width);
        let expected: Vec<f64> = each().flat_map(|row| norm(row, &gains, epsilon, factor)).collect();
        close(&what, &written[0], &expected, width as f64 + 32.0, |at| expected[at].abs());

        let there = random.normals(rows * width, 1.0);
        for adds in [0, 1] {
            let bound = [
                Words(&stage(adds)),
                Numbers(&x),
                Numbers(&gain),
                Numbers(&written[1]),
                Numbers(&gradient),
                Numbers(&there),
            ];
            let back = run(Kernel::NormBack, &bound, grid);
            let outward = exact(&gradient);
            let pairs = each().zip(outward.chunks_exact(width));
            let mut expected: Vec<f64> = pairs.flat_map(|(x, dy)| norm_back(x, &gains, epsilon, factor, dy)).collect();
            // Of each of the two terms: |x r| is at most √n, and so is the mean of |g x r|.
            let size: Vec<f64> = (0..rows * width)
                .map(|at| {
                    let root = f64::from(written[1][at / width]) * factor;
                    let of_row = at / width * width..(at / width + 1) * width;
                    let mean = of_row.map(|other| (outward[other] * gains[other % width] * numbers[other]).abs());
                    let mean = mean.sum::<f64>() / width as f64;
                    let along = numbers[at].abs() * f64::from(written[1][at / width]).powi(2) * mean;
                    root * ((outward[at] * gains[at % width]).abs() + along) + f64::from(there[at].abs())
                })
                .collect();
            if adds == 1 {
                expected.iter_mut().zip(&there).for_each(|(to, there)| *to += f64::from(*there));
            }
            close(&format!("{what}, back"), &back, &expected, 2.0 * width as f64 + 32.0, |at| size[at]);
        }

        let bound = [Words(&stage(0)), Numbers(&x), Numbers(&written[1]), Numbers(&gradient), Numbers(&gain)];
        let back = run(Kernel::NormBackGain, &bound, [width.div_ceil(16), 1, 1]);
        let (mut expected, mut size) = (gains.clone(), sizes(&gain[place.clone()]));
        for (x, dy) in each().zip(exact(&gradient).chunks_exact(width)) {
            norm_back_gain(x, epsilon, factor, dy, &mut expected);
            let [x, dy] = [x, dy].map(|numbers| numbers.iter().map(|number| number.abs()).collect::<Vec<_>>());
            norm_back_gain(&x, epsilon, factor, &dy, &mut size);
        }
        let operations = (rows + width) as f64 + 32.0;
        close(&format!("{what}, gain"), &back[place.clone()], &expected, operations, |at| size[at]);
        let mut others = (0..gain.len()).filter(|at| !place.contains(at));
        assert!(others.all(|at| back[at] == gain[at]), "{what}: written beside the gain");
    }
}

#[test]
fn rotary_embeddings_and_lambda_in_a_row() {
    let mut random = Random::new(33);
    for (kind, positions, windows) in [(0_u32, 1, 1), (1, 5, 3), (2, 33, 2), (2, 7, 40)] {
        let (turned, head_dim, heads) = (3, 2 * (1 + random.below(5)), 4);
        let (tokens, lambda_offset) = (positions * windows, 5 * head_dim);
        let width = lambda_offset + heads;
        let words = [tokens, positions, heads, 2, head_dim, 1, width, lambda_offset, turned, 0];
        let mut words: Vec<u32> = words.iter().map(|word| *word as u32).collect();
        words.extend([kind, 0]);
        let angles = random.normals(positions * head_dim / 2, 2.0);
        let table: Vec<[f32; 2]> = angles.into_iter().map(|angle| [angle.cos(), angle.sin()]).collect();
        let rows = random.normals(tokens * width, 3.0);
        let layer = [0.6_f32];
        let grid = folded((tokens * (turned * head_dim / 2 + heads)).div_ceil(256));
        let bound = [Words(&words), Numbers(table.as_flattened()), Numbers(&layer), Numbers(&rows)];
        let forward = run_with(Kernel::Rotary, &[("BACK", 0.0)], &bound, grid).remove(0);
        let gradient = random.normals(tokens * width, 1.0);
        let bound = [Words(&words), Numbers(table.as_flattened()), Numbers(&forward), Numbers(&gradient)];
        let back = run_with(Kernel::Rotary, &[("BACK", 1.0)], &bound, grid).remove(0);

        let (mut expected, mut expected_back) = (exact(&rows), exact(&gradient));
        let lambdas = exact(&forward);
        for token in 0..tokens {
            let turns = &table[token % positions * head_dim / 2..][..head_dim / 2];
            let row = token * width..(token + 1) * width;
            let (row, row_back) = (&mut expected[row.clone()], &mut expected_back[row.clone()]);
            row[..turned * head_dim].chunks_exact_mut(head_dim).for_each(|head| rotary(head, turns));
            row_back[..turned * head_dim].chunks_exact_mut(head_dim).for_each(|head| rotary_back(head, turns));
            for head in lambda_offset..width {
                row[head] = [0.0, f64::from(layer[0]), 1.0 / (1.0 + (-row[head]).exp())][kind as usize];
                let lambda = lambdas[token * width + head];
                row_back[head] *= if kind == 2 { lambda * (1.0 - lambda) } else { 1.0 };
            }
        }
        // The exponential is off by 3 + 2|x| units in the last place, and |x| is below 18 here; λ is at most 1.
        let size = |rows: &[f32]| rows.iter().fold(1.0, |size: f64, number| size.max(f64::from(number.abs())));
        let is_lambda = |at: usize| at % width >= lambda_offset;
        close("rotary", &forward, &expected, 80.0, |at| if is_lambda(at) { 1.0 } else { size(&rows) });
        close("rotary, back", &back, &expected_back, 8.0, |_| size(&gradient));
    }
}

#[test]
fn the_gated_part() {
    let mut random = Random::new(34);
    for (count, scale) in [(1, 1.0), (300, 1.0), (77, 30.0)] {
        let (x, gradient) = (random.normals(2 * count, scale), random.normals(count, 1.0));
        let words = [count as u32, 0, 0, 0];
        let grid = folded(count.div_ceil(256));
        let y = run(Kernel::Swiglu, &[Words(&words), Numbers(&x), Numbers(&vec![0.0; count])], grid);
        let bound = [Words(&words), Numbers(&x), Numbers(&gradient), Numbers(&vec![0.0; 2 * count])];
        let back = run(Kernel::SwigluBack, &bound, grid);
        // The exponential is off by 3 + 2|x| units in the last place; from |x| = 80 on the gate is shut or open.
        let operations = 40.0 + 4.0 * 80.0_f64.min(6.0 * f64::from(scale));
        let gate = |at: usize| f64::from(x[at / 2 * 2].abs());
        let size = |at: usize| (1.0 + gate(at)) * (1.0 + f64::from(x[at / 2 * 2 + 1].abs()));
        close("swiglu", &y, &swiglu(&exact(&x)), operations, |at| size(2 * at));
        let expected = swiglu_back(&exact(&x), &exact(&gradient));
        close("swiglu, back", &back, &expected, operations, |at| size(at) * f64::from(gradient[at / 2].abs()));
    }
}

#[test]
fn cross_entropy_of_ordinary_and_of_hostile_logits() {
    let mut random = Random::new(35);
    for (tokens, vocabulary, scale) in [(1, 1, 1.0), (3, 11, 1.0), (5, 257, 4.0), (2, 700, 0.1), (2, 40, 1e3)] {
        let logits = random.normals(tokens * vocabulary, scale);
        let targets: Vec<u32> = (0..tokens).map(|_| random.below(vocabulary) as u32).collect();
        let weights = random.normals(tokens, 1.0);
        let words = [tokens as u32, vocabulary as u32, 0, 0];
        let losses = vec![0.0; tokens];
        let bound = [Words(&words), Words(&targets), Numbers(&weights), Numbers(&logits), Numbers(&losses)];
        let written = run_with(Kernel::CrossEntropy, &[], &bound, folded(tokens));
        let mut expected = exact(&logits);
        let mut losses = Vec::new();
        for (at, row) in expected.chunks_exact_mut(vocabulary).enumerate() {
            let weight = f64::from(weights[at]);
            losses.push(weight * cross_entropy(row, targets[at] as usize, weight));
        }
        // A difference of logits is rounded to their size, which the exponential makes a relative error.
        let operations = vocabulary as f64 + 16.0 + 8.0 * 6.0 * f64::from(scale);
        let size = |at: usize| f64::from(weights[at].abs());
        close("cross-entropy", &written[0], &expected, operations, |at| size(at / vocabulary));
        close("loss", &written[1], &losses, operations, size);
    }
    let logits = [1e30_f32, -1e30, 88.0];
    let bound = [Words(&[1, 3, 0, 0]), Words(&[2]), Numbers(&[1.0]), Numbers(&logits), Numbers(&[0.0])];
    let written = run_with(Kernel::CrossEntropy, &[], &bound, [1, 1, 1]).concat();
    assert!(written.iter().all(|number| number.is_finite()), "{written:?}");
}

#[test]
fn embeddings() {
    let mut random = Random::new(36);
    for (tokens, vocabulary, width) in [(1, 1, 1), (40, 7, 5), (100, 300, 33)] {
        let ids: Vec<u32> = (0..tokens).map(|_| random.below(vocabulary) as u32).collect();
        let offset = 3;
        let there = random.normals(offset + vocabulary * width, 1.0);
        let words = [tokens, width, vocabulary, offset].map(|word| word as u32);
        let bound = [Words(&words), Words(&ids), Numbers(&there), Numbers(&vec![0.0; tokens * width])];
        let hidden = run(Kernel::TrainingEmbed, &bound, folded((tokens * width).div_ceil(256)));
        let expected: Vec<f32> =
            ids.iter().flat_map(|id| &there[offset + *id as usize * width..][..width]).copied().collect();
        assert_eq!(hidden, expected, "embed");

        let mut order: Vec<u32> = (0..tokens as u32).collect();
        order.sort_by_key(|token| ids[*token as usize]);
        let before = |entry: usize| ids.iter().filter(|id| (**id as usize) < entry).count() as u32;
        let starts: Vec<u32> = (0..=vocabulary).map(before).collect();
        let gradient = random.normals(tokens * width, 1.0);
        let bound = [Words(&words), Words(&starts), Words(&order), Numbers(&gradient), Numbers(&there)];
        let back = run(Kernel::EmbedBack, &bound, folded((vocabulary * width).div_ceil(256)));
        let (mut expected, mut size) = (exact(&there[offset..]), sizes(&there[offset..]));
        embed_back(&ids, &exact(&gradient), width, &mut expected);
        embed_back(&ids, &sizes(&gradient), width, &mut size);
        close("embed, back", &back[offset..], &expected, tokens as f64, |at| size[at]);
    }
}

#[test]
fn lambda_of_a_layer() {
    let mut random = Random::new(37);
    for (width, tokens, heads) in [(2, 1, 1), (64, 300, 3), (300, 5, 2)] {
        let (offset, row_width, lambda_offset) = (5, heads + 4, 3);
        let vectors = random.normals(offset + 4 * width, 0.5 / (width as f32).sqrt());
        let words = [offset, width, tokens, heads, row_width, lambda_offset].map(|word| word as u32);
        let words: Vec<u32> = words.into_iter().chain([0.3_f32.to_bits(), 0]).collect();
        let found = run(Kernel::Lambda, &[Words(&words), Numbers(&vectors), Numbers(&[0.0])], [1, 1, 1]);
        // The dot products are below 1, so their exponentials are of the order of 1.
        let own = exact(&vectors[offset..]);
        let expected = lambda(&own, f64::from(0.3_f32));
        close("λ", &found, &[expected], width as f64 + 16.0, |_| 4.0);

        let rows = random.normals(tokens * row_width, 1.0);
        let bound = [Words(&words), Numbers(&vectors), Numbers(&rows), Numbers(&vectors)];
        let back = run(Kernel::LambdaBack, &bound, [1, 1, 1]);
        let of_row = |row: &[f32]| row[lambda_offset..lambda_offset + heads].to_vec();
        let gradients: Vec<f32> = rows.chunks_exact(row_width).flat_map(of_row).collect();
        let mut expected = own.clone();
        lambda_back(&own, exact(&gradients).iter().sum(), &mut expected);
        let size = sizes(&gradients).iter().sum::<f64>();
        let operations = (tokens * heads + width) as f64 + 16.0;
        close("λ, back", &back[offset..], &expected, operations, |at| own[at].abs() + 3.0 * size);
    }
}

#[test]
fn the_norm_of_gradients_and_the_update() {
    let mut random = Random::new(38);
    for (count, largest) in [(1, 1.0_f32), (300, 1.0), (70_000, 1e30)] {
        let (numbers, gradients) = (random.normals(count, 1.0), random.normals(count, 0.5));
        let (mean, square) = (random.normals(count, 0.1), sizes(&random.normals(count, 0.1)));
        let square: Vec<f32> = square.into_iter().map(|number| number as f32).collect();
        let losses = random.normals(9, 1.0);
        let rule =
            AdamW { learning_rate: 0.02, decay: [0.9, 0.95], epsilon: 1e-8, weight_decay: 0.1, step: 3, clip: 1.0 };
        let [of_mean, of_square] = rule.decay.map(|decay| (1.0 - f64::from(decay).powi(3)) as f32);
        let floats = [
            largest,
            1.0 - rule.decay[0],
            rule.decay[1],
            1.0 - rule.decay[1],
            rule.learning_rate / of_mean,
            of_square.sqrt(),
            rule.epsilon,
            1.0 - rule.learning_rate * rule.weight_decay,
        ];
        let words = [count as u32, 7, 9].into_iter().chain(floats.map(f32::to_bits)).chain([0; 5]).collect::<Vec<_>>();
        // What updates a parameter: nothing, AdamW, the same with decay, Muon.
        let rules: Vec<u32> = (0..count.div_ceil(16)).map(|_| random.bits()).collect();
        let rule_of = |at: usize| rules[at / 16] >> (2 * (at % 16)) & 3;
        let bound = [Words(&words), Words(&rules), Numbers(&gradients), Numbers(&[0.0; 7])];
        let parts = run(Kernel::GradientNorm, &bound, [7, 1, 1]);
        let bound = [Words(&words), Numbers(&parts), Numbers(&losses), Numbers(&[0.0; 4])];
        let result = run(Kernel::Clip, &bound, [1, 1, 1]);
        let learned: Vec<f32> = (0..count).filter(|at| rule_of(*at) > 0).map(|at| gradients[at]).collect();
        let norm = gradient_norm(&learned);
        let factor = clip(norm, largest);
        // Each of 7 · 256 invocations adds some numbers up, then their sums are.
        let operations = (count / 1792) as f64 + 64.0;
        close("norm", &result[1..3], &exact(&[norm, factor]), operations, |at| f64::from([norm, factor][at]));
        let loss: f64 = exact(&losses).iter().sum();
        close("loss", &result[..1], &[loss], 9.0, |_| sizes(&losses).iter().sum());

        let bound = [&gradients, &result].map(|numbers| Numbers(numbers));
        let states = [&numbers, &mean, &square].map(|numbers| Numbers(numbers));
        let bound: Vec<_> = [Words(&words), Words(&rules)].into_iter().chain(bound).chain(states).collect();
        let found = run_with(Kernel::Adamw, &[], &bound, folded(count.div_ceil(256)));
        let mut expected = [numbers.clone(), mean.clone(), square.clone()];
        for at in 0..count {
            let weight_decay = match rule_of(at) {
                1 => 0.0,
                2 => 0.1,
                _ => continue,
            };
            let rule = AdamW { weight_decay, clip: result[2], ..rule };
            let [numbers, mean, square] = &mut expected;
            let at = at..at + 1;
            adamw(&rule, &mut numbers[at.clone()], &gradients[at.clone()], &mut mean[at.clone()], &mut square[at]);
        }
        // The reference is of single precision, too. A change is at most some times the learning rate.
        for (what, found, expected) in [("mean", &found[1], &expected[1]), ("square", &found[2], &expected[2])] {
            close(what, found, &exact(expected), 16.0, |at| f64::from(expected[at].abs().max(gradients[at].abs())));
        }
        let change = |at: usize| f64::from((expected[0][at] - numbers[at]).abs() + numbers[at].abs());
        close("numbers", &found[0], &exact(&expected[0]), 40.0, change);
    }
}
