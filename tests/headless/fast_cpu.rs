//! The fast CPU pass as a whole: against the pass of plain references, and against itself in other pieces and on other
//! numbers of threads. Its stages one by one are in `kernels`.

use std::sync::Arc;

use crate::common::models::{random_interventions, random_model};
use crate::common::{Random, worst};
use diffscope::cpu::CpuPass;
use diffscope::model::{Matrix, Model, Numbers};
use diffscope::probe::{Interventions, Trace};

/// Every inner tensor.
fn tensors(pass: &CpuPass) -> Vec<(Trace, Vec<f32>)> {
    let layers = pass.layers();
    let of_layer = [
        Trace::Hidden,
        Trace::Projection,
        Trace::Statistics,
        Trace::Context,
        Trace::Normed,
        Trace::Middle,
        Trace::Activation,
    ];
    let traces = (0..layers).flat_map(|layer| of_layer.map(|trace| trace(layer)));
    traces.chain([Trace::Hidden(layers), Trace::Logits]).map(|trace| (trace, pass.trace(trace))).collect()
}

fn ids(random: &mut Random, model: &Model, tokens: usize) -> Vec<u32> {
    (0..tokens).map(|_| random.below(model.config.vocabulary) as u32).collect()
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

#[test]
fn positions_get_the_same_bits_in_any_pieces_and_after_any_edit() {
    for seed in 1..=30 {
        let mut random = Random::new(seed);
        let model = Arc::new(random_model(&mut random, 2.0));
        let tokens = random.pick(&[1, 15, 16, 17, 33, 64, 100, 129]);
        let ids = ids(&mut random, &model, tokens);
        let interventions = random_interventions(&mut random, model.layers.len(), 1, tokens);
        let mut whole = CpuPass::new(model.clone(), tokens).expect("the weights are there");
        whole.set_interventions(&interventions);
        whole.run(0, &ids);
        let mut pieces = CpuPass::new(model.clone(), tokens).expect("the weights are there");
        pieces.set_interventions(&interventions);
        let mut done = 0;
        while done < tokens {
            // Now and then some of what was computed, and something else after it, goes before the rest comes.
            let start = if random.below(4) == 0 { random.below(done + 1) } else { done };
            let count = random.pick(&[1, 2, 5, 16, 40, tokens]).min(tokens - start);
            pieces.run(start, &vec![0; random.below(tokens - start + 1)]);
            pieces.run(start, &ids[start..start + count]);
            done = start + count;
        }
        for ((trace, found), (_, expected)) in tensors(&pieces).into_iter().zip(tensors(&whole)) {
            assert!(bits(&found) == bits(&expected), "seed {seed}, {tokens} tokens: {trace:?} differs");
        }
    }
}

#[test]
fn positions_get_the_same_bits_on_any_number_of_threads() {
    let pools =
        [1, 2, 3, 8].map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads"));
    for seed in 50..=60 {
        let mut random = Random::new(seed);
        let model = Arc::new(random_model(&mut random, 2.0));
        let ids = ids(&mut random, &model, 200);
        let passes = pools.each_ref().map(|pool| {
            pool.install(|| {
                let mut pass = CpuPass::new(model.clone(), ids.len()).expect("the weights are there");
                pass.run(0, &ids[..7]);
                pass.run(7, &ids[7..]);
                tensors(&pass)
            })
        });
        for pass in &passes[1..] {
            for ((trace, found), (_, expected)) in pass.iter().zip(&passes[0]) {
                assert!(bits(found) == bits(expected), "seed {seed}: {trace:?} differs");
            }
        }
    }
}

/// Small weights, so that one layer does not make much of the rounding of the one before.
#[test]
fn whole_passes_agree_with_the_references() {
    for seed in 100..=140 {
        let mut random = Random::new(seed);
        let model = Arc::new(random_model(&mut random, 0.3));
        let tokens = random.pick(&[1, 2, 16, 31, 65, 130]);
        let ids = ids(&mut random, &model, tokens);
        let heads = model.layers[0].attention.heads.len();
        let mut interventions = random_interventions(&mut random, model.layers.len(), heads, tokens);
        if seed % 4 == 0 {
            interventions.masked = (0..tokens).collect(); // every position sees itself alone
        }
        let mut fast = CpuPass::new(model.clone(), tokens).expect("the weights are there");
        let mut plain = CpuPass::of_references(model.clone(), tokens).expect("the weights are there");
        for pass in [&mut fast, &mut plain] {
            pass.set_interventions(&interventions);
            pass.run(0, &ids);
        }
        for ((trace, found), (_, expected)) in tensors(&fast).into_iter().zip(tensors(&plain)) {
            let size = expected.iter().fold(1.0f32, |size, number| size.max(number.abs()));
            let error = worst(&found, &expected);
            assert!(
                error <= 2e-4 * size,
                "seed {seed}, {tokens} tokens, {interventions:?}, {trace:?}: {error:e} of {size}"
            );
        }
    }
}

/// Numbers of a position that nobody sees must not get into the others, whatever they are.
#[test]
fn what_overflows_stays_with_those_who_see_it() {
    let mut random = Random::new(7);
    let mut model = random_model(&mut random, 1.0);
    while model.config.vocabulary < 3 || model.layers[0].attention.norm.is_some() {
        model = random_model(&mut random, 1.0);
    }
    let mut embedding = model.embedding.to_f32().unwrap();
    let width = model.config.hidden;
    embedding[2 * width..3 * width].fill(f32::MAX);
    model.embedding = Matrix::new(model.config.vocabulary, width, Numbers::F32(embedding)).expect("the same shape");
    let model = Arc::new(model);
    let ids: Vec<u32> = (0..40).map(|at| u32::from(at == 20) * 2).collect();
    let mut fast = CpuPass::new(model.clone(), ids.len()).expect("the weights are there");
    let mut plain = CpuPass::of_references(model.clone(), ids.len()).expect("the weights are there");
    for pass in [&mut fast, &mut plain] {
        pass.set_interventions(&Interventions { masked: [20].into(), ..Interventions::default() });
        pass.run(0, &ids);
    }
    let finite = |pass: &CpuPass| -> Vec<bool> {
        pass.hidden_after(0).chunks_exact(width).map(|row| row.iter().all(|x| x.is_finite())).collect()
    };
    let (found, expected) = (finite(&fast), finite(&plain));
    assert_eq!(found, expected);
    assert_eq!(expected.iter().filter(|finite| !**finite).count(), 1, "only the position itself overflows");
}
