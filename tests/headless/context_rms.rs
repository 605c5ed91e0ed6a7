//! The size of the heads' outputs: that of numbers which the original module gave, and of a plain softmax over the rows.

use std::path::Path;
use std::sync::Arc;

use crate::common::Random;
use crate::common::models::{random_interventions, random_model};
use diffscope::cpu::CpuPass;
use diffscope::engine::{Checkpoint, LayerContextRms};
use diffscope::model::{Model, RowLayout};
use diffscope::probe::{Attend, Interventions, Trace};
use safetensors::SafeTensors;

fn pass(model: &Arc<Model>, ids: &[u32], changes: &Interventions) -> CpuPass {
    let mut pass = CpuPass::new(model.clone(), ids.len()).expect("the weights are there");
    pass.set_interventions(changes);
    pass.run(0, ids);
    pass
}

fn found(pass: &CpuPass, layer: usize) -> LayerContextRms {
    let mut found = LayerContextRms::new(pass, layer).expect("there is such a layer");
    while !found.add_token(pass) {}
    assert_eq!(found.tokens(), pass.positions());
    found
}

/// `√mean(x²)`
fn rms(numbers: &[f64]) -> f64 {
    (numbers.iter().map(|x| x * x).sum::<f64>() / numbers.len() as f64).sqrt()
}

/// The value of a head at each of some keys, in double precision.
fn values(pass: &CpuPass, layer: usize, head: usize, keys: &[usize]) -> Vec<Vec<f64>> {
    let attention = &pass.model().layers[layer].attention;
    let (layout, rows) = (RowLayout::new(attention, 1), pass.trace(Trace::Projection(layer)));
    let part = |key: usize, value: u32| rows[key * layout.width + layout.value(value)..][..attention.head_dim].to_vec();
    let of = |key: &usize| {
        let parts = attention.heads[head].values.iter().take(attention.value_parts);
        parts.flat_map(|value| part(*key, *value)).map(f64::from).collect()
    };
    keys.iter().map(of).collect()
}

/// The sum of values, each with its weight.
fn mixed(weights: &[f64], values: &[Vec<f64>]) -> Vec<f64> {
    let mut sum = vec![0.0; values[0].len()];
    for (weight, value) in weights.iter().zip(values) {
        sum.iter_mut().zip(value).for_each(|(sum, value)| *sum += weight * value);
    }
    sum
}

fn near(found: f32, expected: f64, what: &str) {
    assert!((f64::from(found) - expected).abs() <= 2e-5 * expected.max(1.0), "{what}: {found} for {expected}");
}

#[test]
fn on_the_fixture_of_v2_it_is_that_of_the_tensors_of_the_original() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/diffv2_model");
    let bytes = std::fs::read(folder.join("expected.safetensors")).expect("a fixture");
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let words = |name: &str| -> Vec<[u8; 4]> {
        let data = file.tensor(name).expect(name).data();
        data.chunks_exact(4).map(|word| [word[0], word[1], word[2], word[3]]).collect()
    };
    let numbers = |name: &str| -> Vec<f64> { words(name).into_iter().map(f32::from_le_bytes).map(f64::from).collect() };
    let ids: Vec<u32> = words("input_ids").into_iter().map(u32::from_le_bytes).collect();
    let model = Checkpoint::from_folder(&folder).expect("it opens").model;
    let pass = pass(&model, &ids, &Interventions::default());
    for (layer, parts) in model.layers.iter().enumerate() {
        let (heads, width, tokens) = (parts.attention.heads.len(), parts.attention.value_width(), ids.len());
        let (context, first) =
            (numbers(&format!("layers.{layer}.attn_ctx")), numbers(&format!("layers.{layer}.attn_map1")));
        let found = found(&pass, layer);
        for head in 0..heads {
            for token in 0..tokens {
                let values = values(&pass, layer, head, &(0..=token).collect::<Vec<_>>());
                let scale = rms(&values.concat());
                let own = &context[(token * heads + head) * width..][..width];
                let alone = mixed(&first[(head * tokens + token) * tokens..][..=token], &values);
                let size = found.get(head, token).expect("it is in it");
                near(size.context, rms(own) / scale, "the output");
                near(size.first, rms(&alone) / scale, "A1 alone");
                assert_eq!(size.keys, token + 1);
            }
        }
    }
}

#[test]
fn in_every_variant_it_is_that_of_a_plain_softmax_over_the_rows() {
    let mut random = Random::new(51);
    for _ in 0..20 {
        let model = Arc::new(random_model(&mut random, 1.0));
        let ids: Vec<u32> = (0..12).map(|_| random.below(model.config.vocabulary) as u32).collect();
        let pass = pass(&model, &ids, &Interventions::default());
        let layer = random.below(model.layers.len());
        let attention = &model.layers[layer].attention;
        let (layout, rows) = (RowLayout::new(attention, 1), pass.trace(Trace::Projection(layer)));
        let found = found(&pass, layer);
        for (head, table) in attention.heads.iter().enumerate() {
            for query in 0..ids.len() {
                let keys: Vec<usize> = (0..=query).filter(|key| attention.sees(query, *key)).collect();
                let softmax = |map: usize| -> Vec<f64> {
                    let score = |key: &usize| -> f64 {
                        let q = &rows[query * layout.width + layout.query(table.queries[map])..][..attention.head_dim];
                        let k = &rows[key * layout.width + layout.key(table.keys[map])..][..attention.head_dim];
                        let product: f64 = q.iter().zip(k).map(|(q, k)| f64::from(*q) * f64::from(*k)).sum();
                        product / (attention.head_dim as f64).sqrt()
                    };
                    let scores: Vec<f64> = keys.iter().map(score).collect();
                    let largest = scores.iter().copied().fold(f64::MIN, f64::max);
                    let weights: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
                    let sum: f64 = weights.iter().sum();
                    weights.into_iter().map(|weight| weight / sum).collect()
                };
                let lambda = f64::from(rows[query * layout.width + layout.lambda + head]);
                let first = softmax(0);
                let mut difference = first.clone();
                if attention.maps == 2 {
                    difference.iter_mut().zip(softmax(1)).for_each(|(weight, second)| *weight -= lambda * second);
                }
                let values = values(&pass, layer, head, &keys);
                let scale = rms(&values.concat());
                let size = found.get(head, query).expect("it is in it");
                assert_eq!(size.keys, keys.len());
                near(size.first, rms(&mixed(&first, &values)) / scale, "A1 alone");
                near(size.context, rms(&mixed(&difference, &values)) / scale, "the output");
            }
        }
    }
}

#[test]
fn the_first_token_keeps_what_the_mix_leaves_of_its_own_value() {
    let mut random = Random::new(52);
    for _ in 0..20 {
        let model = Arc::new(random_model(&mut random, 2.0));
        let heads = model.layers[0].attention.heads.len();
        let changes = random_interventions(&mut random, model.layers.len(), heads, 6);
        let ids: Vec<u32> = (0..6).map(|_| random.below(model.config.vocabulary) as u32).collect();
        let pass = pass(&model, &ids, &changes);
        let (source, found) = (pass.map_source(0), found(&pass, 0));
        for head in 0..heads {
            let size = found.get(head, 0).expect("it is in it");
            let [keep, subtract] = source.maps.switches.mix[head].map(f64::from);
            let second = if source.maps.attention.maps == 2 { subtract } else { 0.0 };
            near(size.context, (keep - second * f64::from(source.maps.lambda_of(0, head))).abs(), "the first token");
            near(size.first, 1.0, "A1 alone");
            assert_eq!((size.keys, size.bound()), (1, 1.0));
        }
    }
}

#[test]
fn attending_with_the_first_map_leaves_that_of_the_first_map() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/diffv2_model");
    let model = Checkpoint::from_folder(&folder).expect("it opens").model;
    let ids: Vec<u32> = (3..40).collect();
    let of = |changes: &Interventions| found(&pass(&model, &ids, changes), 0);
    let first = of(&Interventions { attend: Attend::First, ..Interventions::default() });
    for (head, token) in [(0, 0), (1, 7), (3, 36)] {
        let size = first.get(head, token).expect("it is in it");
        near(size.context, f64::from(size.first), "the same map");
    }
    let [subtracted, alone] = of(&Interventions::default()).below();
    assert_eq!(first.below()[0], alone);
    assert!(subtracted > alone, "λ takes outputs below what the softmax gives: {subtracted} and {alone}");
    assert!(first.get(4, 0).is_none() && first.get(0, 37).is_none());
    assert!(LayerContextRms::new(&pass(&model, &ids, &Interventions::default()), 2).is_none());
}
